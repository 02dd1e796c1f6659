"""The lists that the first grouping goes by. Frozen with it: LISTS is their hash, and a test holds it.

Names of frames' places are prefixes; they are looked for in what the SDK sent.
"""

from typing import Final

FAMILIES: Final = {
    "python": "python", "javascript": "js", "node": "js", "react-native": "js", "java": "java", "kotlin": "java",
    "android": "java", "groovy": "java", "scala": "java", "clojure": "java", "csharp": "dotnet", "fsharp": "dotnet",
    "visualbasic": "dotnet", "dotnet": "dotnet", "ruby": "ruby", "php": "php", "go": "go", "native": "native",
    "c": "native", "cocoa": "native", "objc": "native", "swift": "native", "rust": "native", "unreal": "native",
}  # fmt: skip
"""The family of rules by Sentry's name of the platform; others go by the frame's file."""

EXTENSIONS: Final = {
    "py": "python", "pyx": "python", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js", "ts": "js", "tsx": "js",
    "vue": "js", "java": "java", "kt": "java", "scala": "java", "groovy": "java", "clj": "java", "cs": "dotnet",
    "fs": "dotnet", "vb": "dotnet", "rb": "ruby", "erb": "ruby", "php": "php", "go": "go", "c": "native",
    "cc": "native", "cpp": "native", "cxx": "native", "h": "native", "hpp": "native", "m": "native", "mm": "native",
    "swift": "native", "rs": "native",
}  # fmt: skip

NO_NAMES: Final = frozenset((
    "", "?", "??", "<unknown>", "<redacted>", "(unknown)", "unknown", "<name omitted>", "<anonymous>", "anonymous",
    "(anonymous)", "anonymous function", "(anonymous function)", "eval", "eval code", "global code", "module code",
    "{anonymous}", "function",
))  # fmt: skip
"""What clients write where a function has no name."""
PLACEHOLDERS: Final = (
    "redacted", "hidden>", "stripped_", "unknown_function", "unnamed_function", "no_symbol", "name omitted",
)  # fmt: skip
"""How names begin that stand for one taken out: they tell no two functions apart."""

SYSTEM_MODULES: Final = {
    "python": (
        "asyncio", "concurrent.futures", "threading", "importlib", "runpy", "contextlib", "functools",
        "multiprocessing",
        "socketserver", "selectors", "_pytest", "pluggy", "unittest", "pdb", "bdb", "cProfile",
    ),
    "java": (
        "java.", "javax.", "sun.", "com.sun.", "jdk.", "android.", "androidx.", "com.android.", "dalvik.", "libcore.",
        "kotlin.", "kotlinx.", "scala.", "groovy.lang.", "org.codehaus.groovy.", "clojure.lang.",
        "org.junit.", "junit.",
        "org.gradle.", "org.apache.tools.ant.", "org.apache.maven.",
    ),
    "dotnet": ("System.", "Microsoft.", "Windows.", "Mono.", "Interop.", "(unknown)"),
    "js": ("node:", "internal/process/", "internal/modules/", "internal/main/", "internal/timers",
    "internal/streams/"),
    "go": ("runtime", "testing", "reflect", "sync", "internal/", "net/http"),
    "native": (),
    "ruby": (),
    "php": (),
}  # fmt: skip
"""Run times and standard libraries.

Java, .NET and Go are believed where the client says that such a frame is its own;
others mark frames of the run time as the application's.
"""

LIBRARY_MODULES: Final = {
    "java": (
        "org.springframework.", "org.hibernate.", "org.apache.", "io.netty.", "io.reactivex.", "reactor.", "okhttp3.",
        "retrofit2.", "com.google.", "com.fasterxml.", "com.squareup.", "com.zaxxer.", "org.eclipse.jetty.",
        "io.ktor.",
        "io.grpc.", "ch.qos.logback.", "org.slf4j.", "com.facebook.react.", "rx.", "akka.", "play.",
        "org.postgresql.",
        "com.mysql.", "redis.clients.", "io.sentry.", "com.raygun.", "net.bytebuddy.", "javassist.",
        "bolts.", "dagger.",
    ),
    "dotnet": (
        "Newtonsoft.", "Npgsql", "MySql.", "Dapper", "Serilog", "NLog", "AutoMapper", "Castle.", "Autofac", "Polly",
        "Grpc.", "StackExchange.", "RestSharp", "MediatR", "Hangfire", "NUnit.", "Xunit.", "Sentry",
        "Mindscape.Raygun4Net",
        "UnityEngine.",
    ),
}  # fmt: skip
"""Common libraries, for clients that send no in_app."""

VIRTUAL_PATHS: Final = (
    "<frozen", "<string>", "<stdin>", "node:", "[native code]", "native code", "<anonymous>", "eval code",
    "internal/process/",
    "internal/modules/", "/rustc/", "/build/glibc", "linux-gate", "linux-vdso",
)  # fmt: skip
"""By the start of the lower-cased path: never the application's, whatever the client's flag says."""
SYSTEM_PATHS: Final = (
    *VIRTUAL_PATHS, "/usr/lib/", "/lib/", "/lib64/", "/usr/libexec/", "/system/", "/usr/include/",
    "/usr/local/go/src/",
    "/usr/local/include/", "c:/windows/", "/apex/", "/usr/bin/../lib/gcc", "/library/developer/",
    "/applications/xcode",
)  # fmt: skip
"""By the start of the lower-cased path of file or package, where the client does not say that it is its own."""

SYSTEM_PARTS: Final = ("/library/std/src/", "/llvm-project/", "/libc++", "/sysdeps/", "/vctools/crt/", "/minkernel/")
LIBRARY_PARTS: Final = (
    "site-packages/", "dist-packages/", "/lib/python", "node_modules/", "/vendor/", "bower_components/", "/gems/",
    "/pkg/mod/", "/.cargo/", "/cargo/", "chrome-extension://", "moz-extension://", "safari-extension://",
    "safari-web-extension://", "webkit-masked-url://", "webpack/bootstrap", "webpack/runtime", "polyfill", "zone.js",
    "jquery", "react-dom", "chunk-vendors", "vendors~", "/.pub-cache/", "/deps/", "/usr/local/lib/",
)  # fmt: skip
"""By what the lower-cased path holds."""

SYSTEM_FUNCTIONS: Final = (
    "std::", "core::panicking", "core::result", "core::option", "core::ops", "core::iter", "core::slice", "core::str",
    "core::ptr", "core::fmt", "core::cell", "core::num", "alloc::vec", "alloc::alloc", "alloc::boxed",
    "alloc::raw_vec",
    "__rust", "__cxa_", "__cxx", "__gi_", "__libc_", "__assert", "__asan", "__interceptor_", "__sanitizer", "__ubsan",
    "__tsan", "__msan", "objc_", "swift_", "_objc_", "pthread_", "__pthread", "_pthread", "operator new",
    "operator delete", "__stack_chk", "__chk_fail", "__fortify", "__kernel_", "_dispatch_", "__cf", "mach_msg",
    "-[nsexception ", "+[nsexception ", "malloc_", "_malloc_", "__malloc",
)  # fmt: skip
"""Run time of native code, by the start of the lower-cased name."""
SYSTEM_NAMES: Final = frozenset((
    "_start", "abort", "raise", "kill", "gsignal", "_sigtramp", "memcpy", "memmove", "memset", "strlen",
    "malloc", "free",
    "calloc", "realloc", "clone", "start_thread", "rust_begin_unwind", "rust_panic", "raiseexception",
    "dispatch_async",
    "dispatch_sync", "dispatch_once", "kiuserexceptiondispatcher", "rtlraiseexception", "rtluserthreadstart",
    "basethreadinitthunk", "_cxxthrowexception", "__exceptionpreprocess", "__select", "select", "epoll_wait",
))  # fmt: skip
"""And by the whole of it."""

THROW_WORDS: Final = frozenset(
    ("throw", "throws", "raise", "fail", "panic", "die", "invariant", "assert", "unreachable")
)
"""A function whose name begins by one of these words throws for its caller: the caller counts too."""

ANR: Final = frozenset(("applicationnotresponding", "anr", "apphang", "app hanging", "apphanging", "backgroundanr"))
HANG_MECHANISMS: Final = frozenset(("anr", "apphang", "app_hang", "appexitinfo"))
OUT_OF_MEMORY: Final = frozenset(("outofmemoryerror", "outofmemoryexception", "memoryerror", "oom", "nomemoryerror"))
OVERFLOW: Final = frozenset((
    "stackoverflowerror", "stackoverflowexception", "recursionerror", "systemstackerror", "stack-overflow",
    "internalerror",
))  # fmt: skip
SIGNALS: Final = frozenset(("signalhandler", "minidump", "mach", "signal", "nsexception_signal"))
"""Mechanisms of crashes of native code: type and value name the signal and addresses, the stack names the bug."""

DATA_HEADS: Final = (
    "literal for int() with base 10: ", "string to float: ", "for input string: ", "parsing ", "cannot parse ",
    "could not parse ", "unable to parse ", "failed to parse ", "invalid date: ", "invalid uuid: ", "invalid value: ",
    "text ", "time data ", "unparseable date: ", "unexpected token ", "no such file or directory: ",
    "permission denied: ", "file exists: ", "is a directory: ", "file not found: ", "got ", "received ",
    "duplicate entry ",
)  # fmt: skip
"""What a quoted word is data after (lower case); elsewhere a quoted identifier tells bugs apart."""

FILE_ROOTS: Final = (
    "tmp", "var", "home", "users", "usr", "opt", "srv", "etc", "private", "data", "mnt", "media", "storage",
    "proc", "dev",
    "root", "app", "workspace", "builds", "volumes", "run", "sdcard", "library", "system",
)  # fmt: skip
"""The first folder of what is a path of a file in a message (an address of an API is none)."""

LISTS: Final = "0a6c9df728dcdc15"
"""The hash of all lists above."""
