//! What a bundle says of the program that wrote it: commit, compiler, target.

use std::process::Command;

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn main() {
    let set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            println!("cargo::rustc-env=STRIDEWISE_{name}={value}");
        }
    };
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    set("RUSTC", output(&rustc, &["--version"]));
    set("TARGET", std::env::var("TARGET").ok());
    // Only of our own checkout: a crate unpacked inside somebody else's has no commit.
    let own = output("git", &["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty());
    if own {
        set("COMMIT", output("git", &["rev-parse", "HEAD"]));
        let changes = output("git", &["status", "--porcelain", "--untracked-files=no"]);
        set("DIRTY", changes.map(|changes| (!changes.is_empty()).to_string()));
        if let Some(git) = output("git", &["rev-parse", "--git-dir"]) {
            println!("cargo::rerun-if-changed={git}/HEAD");
            println!("cargo::rerun-if-changed={git}/index");
        }
    }
    println!("cargo::rerun-if-changed=src");
}
