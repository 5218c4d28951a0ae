//! The device's build stays lean: it has nothing that only training needs, or that a board would have to install.

use std::process::Command;

#[test]
fn the_default_build_has_no_training_no_bindgen_and_no_openssl_in_it() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Some(tree) = tree.ok().filter(|tree| tree.status.success()) else {
        eprintln!("skipped: cargo tree cannot be run here");
        return;
    };
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(packages.contains(&"tract-onnx"), "this is not purecam's tree: {tree}");
    let heavy = |package: &&&str| {
        let exact = [
            "prost-build",
            "protoc-bin-vendored",
            "bindgen",
            "clang-sys",
            "openssl",
            "openssl-sys",
            "pyo3",
            "tch",
            "cudarc",
        ];
        package.starts_with("burn") || package.starts_with("cubecl") || exact.contains(*package)
    };
    let found: Vec<&&str> = packages.iter().filter(heavy).collect();
    assert!(found.is_empty(), "the lean build contains {found:?}");
}
