//! Cold builds by feature set, and the sizes of libraries.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A row of the table. `crates` does not count the user's own.
pub struct Build {
    pub what: &'static str,
    pub crates: usize,
    pub seconds: f64,
}

/// Builds crates that have one dependency each, in an empty folder, by `cargo build`.
pub fn cold() -> Vec<Build> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let ours = |features: &str| {
        let path = root.display();
        format!(
            "mapisync = {{ path = {path:?}, default-features = false, features = [{features}] }}",
            path = path.to_string()
        )
    };
    let rows = [
        ("mapisync, no features: `abi` and `object`", ours("")),
        ("mapisync, `std`", ours("\"std\"")),
        ("mapisync, `com`", ours("\"com\"")),
        (
            "mapisync, default features: `std`, `com`",
            ours("\"std\", \"com\""),
        ),
        (
            "com 0.6, `production`",
            "com = { version = \"0.6\", features = [\"production\"] }".into(),
        ),
        ("windows-core 0.100", "windows-core = \"0.100\"".into()),
        ("com-scrape-types 0.1", "com-scrape-types = \"0.1\"".into()),
    ];
    let folder = tempfile::tempdir().unwrap();
    rows.into_iter()
        .map(|(what, dependency)| {
            let _ = fs::remove_dir_all(folder.path().join("user"));
            let user = folder.path().join("user");
            fs::create_dir_all(user.join("src")).unwrap();
            fs::write(user.join("src/lib.rs"), "").unwrap();
            let manifest = format!(
                "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
            );
            fs::write(user.join("Cargo.toml"), manifest).unwrap();
            // The same versions as in the other tables.
            fs::copy(root.join("Cargo.lock"), user.join("Cargo.lock")).unwrap();
            let cargo = |arguments: &[&str]| {
                let mut command = Command::new("cargo");
                command.args(arguments).current_dir(&user).stdin(Stdio::null());
                command.env("CARGO_TARGET_DIR", user.join("target"));
                let output = command.output().unwrap();
                let log = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "{log}");
                log
            };
            cargo(&["fetch"]);
            let started = Instant::now();
            let log = cargo(&["build", "--offline"]);
            let seconds = started.elapsed().as_secs_f64();
            let crates = log.lines().filter(|line| line.contains("Compiling ")).count() - 1;
            Build { what, crates, seconds }
        })
        .collect()
}

/// Returns the sizes in bytes of stripped release libraries: the Maildir store, and one object of
/// each peer.
pub fn sizes(target: &Path) -> Vec<(&'static str, u64)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = target.join("stripped");
    let run = |command: &mut Command| {
        let output = command.current_dir(root).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args([
            "build",
            "-q",
            "--release",
            "--config",
            "profile.release.strip=true",
        ]);
        run(command.args(arguments).arg("--target-dir").arg(&target));
    };
    cargo(&["-p", "provider_dll"]);
    cargo(&["-p", "mapisync-benches", "--examples"]);
    let cpp = target.join("libobject_cpp.so");
    let mut command = Command::new("g++");
    command.args([
        "-std=c++17",
        "-O2",
        "-shared",
        "-fPIC",
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections",
        "-Wl,--gc-sections",
        "-s",
        "-I",
        "src/abi",
    ]);
    run(command.args(["benches/cpp/library.cpp", "-o"]).arg(&cpp));
    let size = |path: &Path| {
        fs::metadata(path)
            .unwrap_or_else(|error| panic!("{path:?}: {error}"))
            .len()
    };
    let example = |name: &str| size(&target.join(format!("release/examples/lib{name}.so")));
    vec![
        (
            "`provider_dll`, the Maildir store",
            size(&target.join("release/libprovider_dll.so")),
        ),
        ("one object: mapisync", example("object_ours")),
        ("… com 0.6", example("object_com")),
        ("… windows-core 0.100", example("object_windows")),
        ("… com-scrape-types 0.1", example("object_scrape")),
        ("… C++", size(&cpp)),
    ]
}
