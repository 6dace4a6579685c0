//! `docs/guardrails.md` names the test that holds each sentence: every one of them has to be there.

use std::{fs, path::Path};

fn sources(path: &Path, into: &mut String) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_and_file_that_the_guardrails_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/guardrails.md")).unwrap();
    let mut code = String::new();
    ["src", "tools", "tests"].iter().for_each(|folder| sources(&root.join(folder), &mut code));
    let quoted: Vec<_> = text.split('`').skip(1).step_by(2).map(|quoted| quoted.replace('\n', " ")).collect();
    let is_name = |word: &&String| {
        word.matches('_').count() >= 3
            && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
    };
    let tests: Vec<_> = quoted.iter().filter(is_name).collect();
    assert!(tests.len() > 20, "only {} tests are named", tests.len());
    let missing: Vec<_> = tests.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "named and not there: {missing:?}");
    let files = quoted.iter().filter(|word| word.ends_with(".rs") || word.ends_with(".toml"));
    let gone: Vec<_> = files.filter(|file| !root.join(file).exists()).collect();
    assert!(gone.is_empty(), "files that are not there: {gone:?}");
}
