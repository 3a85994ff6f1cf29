//! The order of the rooms, where unsafe code may live, which room may print, and how long a file may be.

use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};

/// Each may use only those before it.
const ROOMS: [&str; 17] = [
    "units", "layout", "memory", "host", "nest", "kernel", "simulate", "counters", "stats", "suite", "measure",
    "bundle", "advise", "compare", "chart", "report", "cli",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// The code of a file without its unit tests, which may look further.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end].to_owned()
}

#[test]
fn rooms_use_only_rooms_before_them() {
    let used = Regex::new(r"crate::([a-z]+)\b|crate::\{([^}]*)\}").unwrap();
    let name = Regex::new(r"^[a-z]+").unwrap();
    let mut uses = 0;
    for (index, room) in ROOMS.iter().enumerate() {
        for path in sources(&root().join(room)) {
            for line in code(&path).lines().filter(|line| !line.trim_start().starts_with("//")) {
                for captures in used.captures_iter(line) {
                    let several = captures.get(2).map_or("", |list| list.as_str());
                    let rooms = captures.get(1).map(|one| one.as_str()).into_iter().chain(several.split(", "));
                    for other in rooms.filter_map(|text| name.find(text)).map(|found| found.as_str()) {
                        let Some(at) = ROOMS.iter().position(|known| *known == other) else { continue };
                        uses += 1;
                        assert!(at <= index, "{}: {room} uses {other}, which stands after it", path.display());
                    }
                }
            }
        }
    }
    assert!(uses > 100, "the test found only {uses} uses");
}

#[test]
fn every_folder_is_a_room() {
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            assert!(ROOMS.contains(&name.as_str()), "src/{name} is no room");
        }
    }
}

#[test]
fn unsafe_code_lives_where_it_is_allowed() {
    let allowed = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let room = path.strip_prefix(root()).unwrap().components().next().unwrap();
        let room = room.as_os_str().to_str().unwrap();
        match room {
            "kernel" | "simulate" => name.starts_with("raw"),
            "memory" | "host" => name == "sys.rs",
            _ => false,
        }
    };
    let word = Regex::new(r"\bunsafe\b").unwrap();
    for path in sources(root()) {
        let text = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let found = code.iter().find(|line| word.is_match(line) && !line.contains("unsafe_code"));
        assert!(found.is_none() || allowed(&path), "{}: {}", path.display(), found.unwrap_or(&""));
    }
}

#[test]
fn only_the_command_line_prints() {
    let prints = Regex::new(r"\be?print(ln)?!").unwrap();
    for path in sources(root()).into_iter().filter(|path| !path.starts_with(root().join("cli"))) {
        let text = code(&path);
        let found = text.lines().find(|line| prints.is_match(line) && !line.trim_start().starts_with("//"));
        assert!(found.is_none(), "{}: {}", path.display(), found.unwrap_or(""));
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_on_few_screens() {
    for path in sources(root()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}: says not what it is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= 400, "{}: {lines} lines; more than 400 are two matters", path.display());
    }
}
