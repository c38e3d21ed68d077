//! What a user of the macro sees of `cargo`: errors point into the `.wire` file, and an edit to it triggers a rebuild.
//!
//! The test builds a small package of its own. It needs the crates of this workspace's lock file, which are there
//! since this test was built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A package that holds one spec.
struct Package {
    folder: PathBuf,
}

impl Package {
    fn new() -> Package {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("user-package");
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"user-package\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nfirefly-runtime = {{ path = {runtime:?}, default-features = false }}\n"
        );
        std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        std::fs::copy(runtime.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "#[path = \"post.wire\"]\npub mod post;\n").unwrap();
        Package { folder }
    }

    /// Writes the spec and builds; what cargo says, and whether it worked.
    fn build(&self, items: &str) -> (bool, String) {
        let text = format!("firefly_runtime::wire! {{\nprotocol post\norder big\n\n{items}\n}}\n");
        std::fs::write(self.folder.join("src/post.wire"), text).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--color", "never", "--target-dir", "target"])
            .current_dir(&self.folder)
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn errors_point_into_the_spec_and_edits_trigger_a_rebuild() {
    let package = Package::new();
    let (built, said) = package.build("struct Letter {\n    weight : u16\n    to : Adress\n}");
    assert!(!built, "a broken spec was built");
    assert!(said.contains("W021") && said.contains("src/post.wire:7:10"), "{said}");

    let (built, said) = package.build("struct Letter {\n    weight : u16\n    to : string\n}");
    assert!(built, "{said}");

    let (built, said) = package.build("struct Letter {\n    weight : u16 since 2\n    to : string until 3\n}");
    assert!(!built, "an edit to the spec went unnoticed");
    assert!(said.contains("src/post.wire:6:18") && said.contains("src/post.wire:7:17"), "several errors: {said}");
}
