#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vaults_fuzz::sorted(input));
