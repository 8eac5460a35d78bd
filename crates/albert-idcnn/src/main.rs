//! The albert-idcnn program.
fn main() {}
