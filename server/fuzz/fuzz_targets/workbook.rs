#![no_main]

#[path = "../readers.rs"]
mod readers;
use readers::sheet;

libfuzzer_sys::fuzz_target!(|data: &[u8]| readers::workbook(data));
