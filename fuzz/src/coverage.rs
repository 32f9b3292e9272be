//! Shows the fuzzer which branches the C code of SQLite takes.
//!
//! gcc's `-fsanitize-coverage=trace-pc` calls a function at every branch. The one in libFuzzer only
//! reports that it is not supported, so the build script replaces it with the function here. It
//! counts in a section that libFuzzer reads: <https://llvm.org/docs/LibFuzzer.html>. It is never
//! called without that option.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
std::arch::global_asm!(
    ".section __libfuzzer_extra_counters, \"aw\", @progbits",
    "vaults_fuzz_counters:",
    ".zero 131072",
    ".text",
    ".globl __wrap___sanitizer_cov_trace_pc",
    "__wrap___sanitizer_cov_trace_pc:",
    // The place of the call, counted from here, spread over the counters.
    "mov rax, [rsp]",
    "lea rcx, [rip + __wrap___sanitizer_cov_trace_pc]",
    "sub rax, rcx",
    "mov rcx, 0x9E3779B97F4A7C15",
    "imul rax, rcx",
    "shr rax, 47",
    "lea rcx, [rip + vaults_fuzz_counters]",
    "inc byte ptr [rcx + rax]",
    "ret",
    // gcc calls these functions at comparisons of floats. libFuzzer does not have them.
    ".globl __sanitizer_cov_trace_cmpf",
    "__sanitizer_cov_trace_cmpf:",
    ".globl __sanitizer_cov_trace_cmpd",
    "__sanitizer_cov_trace_cmpd:",
    "ret",
);
