"""The lists that the second grouping adds to those of the first."""

from typing import Final

FAMILIES: Final = {"elixir": "beam", "erlang": "beam", "dart": "dart", "flutter": "dart", "perl": "perl"}
"""Families of platforms that the first grouping does not know; frames of these go by their file's ending."""

CHECKERS: Final = frozenset((
    "check", "checks", "validate", "validates", "verify", "require", "requires", "ensure", "ensures", "expect", "guard",
    "precondition", "preconditions", "must", "demand", "enforce",
))  # fmt: skip
"""A function whose name begins by one of these words may throw for its caller: the caller counts too."""
CHECKING_CLASSES: Final = frozenset((
    "preconditions", "validate", "objects", "assert", "assertions", "checks", "check", "guard", "guards", "ensure", "ensures",
    "invariants", "verify", "require", "requires", "args", "precondition",
))  # fmt: skip
"""Classes (lower case) that do nothing else."""

HEADERS: Final = (
    "boost::", "std::", "__gnu_cxx::", "eigen::", "fmt::", "nlohmann::", "asio::", "spdlog::", "absl::", "folly::", "rapidjson::",
    "cereal::", "pybind11::", "gsl::", "tl::", "ranges::", "magic_enum::", "catch::", "testing::", "google::protobuf::",
)  # fmt: skip
"""Libraries of headers: compiled into the application, and no part of it (lower case, by the start of the name)."""
HEADER_PATHS: Final = (
    "/boost/",
    "/eigen3/",
    "/eigen/",
    "/c++/",
    "/nlohmann/",
    "/absl/",
    "/fmt/",
    "/spdlog/",
    "/gtest/",
)

MACHINERY: Final = (
    "abort", "raise", "__raise", "gsignal", "kill", "__pthread_kill", "pthread_kill", "__pthread_kill_implementation",
    "__pthread_kill_internal", "tgkill", "__terminate", "terminate", "std::terminate", "__cxxabiv1::", "__cxa_", "__gnu_cxx::__verbose",
    "_unwind_", "__libc_message", "__libc_fatal", "__fortify_fail", "__stack_chk_fail", "__assert", "__gi_abort", "__gi_raise",
    "std::panicking::", "std::rt::", "std::sys::", "core::panicking::", "core::option::", "core::result::", "rust_begin_unwind",
    "rust_panic", "__rust_", "std::process::abort", "_cxxthrowexception", "raiseexception", "rtlraiseexception",
    "kiuserexceptiondispatcher", "objc_exception_throw", "__exceptionpreprocess", "-[nsexception raise]", "+[nsexception raise",
    "swift_runtime_failure", "_swift_runtime_on_report", "swift::fatalerror", "_assertionfailure", "assertionfailure",
    "_fatalerrormessage", "fatalerror", "_swift_stdlib_reportfatalerror", "std::__throw_", "std::_xlen", "std::_xout", "_invoke_watson",
    "_callrunouts", "__assert_rtn", "os::linux::", "google_breakpad::", "sentry__", "__kernel_rt_sigreturn", "_sigtramp", "malloc_error",
    "gpusgeneratecrashlog",
)  # fmt: skip
"""Functions that carry an error, by the start of the lower-cased name: never what decides where another frame exists."""
MACHINERY_MODULES: Final = {
    "java": ("java.util.Objects", "kotlin.jvm.internal.Intrinsics", "kotlin.PreconditionsKt", "com.google.common.base.Preconditions",
             "org.apache.commons.lang3.Validate", "org.apache.commons.lang.Validate", "org.springframework.util.Assert",
             "scala.Predef", "jdk.internal.util.Preconditions", "com.google.common.base.Verify"),
    "dotnet": ("System.ThrowHelper", "System.ArgumentNullException", "System.ArgumentException",
               "System.Runtime.ExceptionServices.ExceptionDispatchInfo", "System.Diagnostics.Debug"),
    "go": ("runtime",),
}  # fmt: skip
"""Modules that check and throw for whoever calls: the frame outwards of them raised."""
