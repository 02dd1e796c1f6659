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
    "preconditions", "validate", "objects", "assert", "assertions", "checks", "check", "guard", "guards", "ensure",
    "ensures",
    "invariants", "verify", "require", "requires", "args", "precondition",
))  # fmt: skip
"""Classes (lower case) that do nothing else."""

HEADERS: Final = (
    "boost::", "std::", "__gnu_cxx::", "eigen::", "fmt::", "nlohmann::", "asio::", "spdlog::", "absl::", "folly::",
    "rapidjson::",
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

MACHINERY_NAMES: Final = frozenset((
    "abort", "raise", "__raise", "gsignal", "kill", "tgkill", "terminate", "__terminate", "_exit", "fatalerror",
    "assertionfailure",
    "_assertionfailure", "_fatalerrormessage", "raiseexception", "rtlraiseexception", "_cxxthrowexception", "panic",
    "rust_panic",
    "rust_begin_unwind", "_sigtramp", "objc_exception_throw", "__exceptionpreprocess", "-[nsexception raise]",
    "__assert_rtn",
    "_invoke_watson", "kiuserexceptiondispatcher", "std::terminate", "std::process::abort", "std::_terminate",
    "__abort",
))  # fmt: skip
"""Functions that carry an error (lower case): never what decides where another frame exists."""
MACHINERY: Final = (
    "pthread_kill", "__pthread_kill", "__cxxabiv1::", "__cxa_", "__gnu_cxx::__verbose", "_unwind_", "__libc_message",
    "__libc_fatal",
    "__fortify_fail", "__stack_chk_fail", "__assert", "__gi_abort", "__gi_raise", "std::panicking::", "std::rt::",
    "std::sys::",
    "std::__throw_", "core::panicking::", "core::option::", "core::result::", "__rust_", "+[nsexception raise",
    "swift_runtime_failure", "_swift_runtime_on_report", "swift::fatalerror", "_swift_stdlib_reportfatalerror",
    "google_breakpad::", "sentry__", "__kernel_rt_sigreturn",
)  # fmt: skip
"""And by the start of the name."""
MACHINERY_MODULES: Final = {
    "java": (
        "java.util.Objects", "jdk.internal.util.Preconditions", "kotlin.jvm.internal.Intrinsics",
        "kotlin.PreconditionsKt",
        "com.google.common.base.Preconditions", "com.google.common.base.Verify", "org.apache.commons.lang3.Validate",
        "org.apache.commons.lang.Validate", "org.springframework.util.Assert", "scala.Predef",
    ),
    "dotnet": (
        "System.ThrowHelper", "System.ArgumentNullException", "System.ArgumentException", "System.Diagnostics.Debug",
        "System.Runtime.ExceptionServices.ExceptionDispatchInfo",
    ),
}  # fmt: skip
"""Modules that check and throw for whoever calls: the frame outwards of them raised."""
