//! Compiles `cpp/`: what libtorch offers in C++ only, a node of the autograd graph and the number type of products.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    // torch-sys says where it found libtorch's `lib`; the headers lie in `include` beside it unless the user says otherwise.
    let root = env::var("LIBTORCH_INCLUDE").map(PathBuf::from).ok().or_else(|| {
        let lib = env::var("DEP_TCH_LIBTORCH_LIB").ok()?;
        PathBuf::from(lib).parent().map(PathBuf::from)
    });
    let Some(include) =
        root.map(|root| root.join("include")).filter(|include| include.join("torch/csrc").is_dir())
    else {
        panic!(
            "libtorch's headers (include/torch/csrc) are not beside its lib folder; set LIBTORCH_INCLUDE to the folder \
             that holds `include`"
        );
    };
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(1)
        // Headers of others: what they would warn of is not ours to mend.
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .files(["cpp/autograd.cpp", "cpp/products.cpp"])
        .compile("medner_autograd");
}
