//! The house's import directions: down only.

use std::{collections::BTreeMap, fs, path::Path};

/// What each module may use of the crate; from the top of the house to its ground.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let ground = ["alert", "incident"];
    let with = |more: &[&'static str]| ground.iter().chain(more).copied().collect::<Vec<_>>();
    BTreeMap::from([
        ("alert", vec![]),
        ("incident", vec!["alert"]),
        ("journal", with(&[])),
        ("report", with(&[])),
        ("runbook", with(&[])),
        ("prompts", vec![]),
        ("config", vec![]),
        ("model", with(&["runbook"])),
        ("guard", with(&["journal", "config"])),
        ("agent", with(&["journal", "model", "runbook", "guard", "prompts"])),
        ("worker", with(&["journal", "agent"])),
        ("remember", with(&["journal", "guard"])),
        ("learn", with(&["journal", "guard", "runbook", "remember"])),
        ("http", with(&["journal", "guard", "report", "remember"])),
        ("doctor", with(&["journal", "http", "model", "parts"])),
        (
            "parts",
            with(&[
                "journal", "model", "runbook", "guard", "agent", "worker", "http", "config", "doctor", "learn",
                "remember",
            ]),
        ),
        ("eval", with(&["journal", "config", "parts", "report"])),
    ])
}

fn files(path: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The modules that a file names after `crate::`, those in braces too; its tests left out.
fn named(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |text: &str| {
            text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
        };
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (index, letter) in list.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    letter if start && letter.is_alphanumeric() => {
                        found.push(word(&list[index..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.push(word(rest));
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let rules = allowed();
    let mut wrong = Vec::new();
    for file in all {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        let name = inside.file_name().unwrap().to_string_lossy().into_owned();
        // Crates of their own: Cargo itself keeps them from importing anything of this one.
        if matches!(module.as_str(), "lib" | "main" | "cli" | "analysis" | "memory")
            || name == "tests.rs"
            || inside.iter().any(|part| part == "tests")
        {
            continue;
        }
        let Some(may) = rules.get(module.as_str()) else {
            panic!("{module} has no place in the house: add it to this test")
        };
        for used in named(&fs::read_to_string(&file).unwrap()) {
            if used != module && !may.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn the_test_itself_sees_what_is_named() {
    assert_eq!(named("use crate::{a::B, c::{d, e}, f};\nlet x = crate::g::h();"), ["a", "c", "f", "g"]);
}
