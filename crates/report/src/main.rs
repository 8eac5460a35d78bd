//! The medner program.
fn main() {}
