use super::*;

fn headings(document: &Document) -> Vec<(String, String)> {
    document.sections.iter().map(|section| (section.headings.join(" / "), section.text.clone())).collect()
}

#[test]
fn a_document_is_its_sections_with_the_headings_above_them() {
    let text = "---\ntitle: Disk full\nweight: 20\nservice: payments\ndate: 2026-11-02\ntags: [disk, host]\n\
                match:\n  - alertname: \"DiskFull.*\"\n---\n# DiskFull\n\nIntro.\n\n## Diagnosis\n\n```sh\n# no heading\ndf -h\n```\n\n\
                ### Deeper `df`\n\nLook.\n\nSetext\n------\n\nText.\n\n## Empty\n";
    let document = Document::parse(text).unwrap();
    assert_eq!(document.title.as_deref(), Some("Disk full"));
    assert_eq!(document.front.service.as_deref(), Some("payments"));
    assert_eq!(document.front.at.unwrap().to_rfc3339(), "2026-11-02T00:00:00+00:00");
    assert_eq!(document.front.keywords, ["disk", "host", "DiskFull.*"]);
    let expected = [
        ("", "Intro."),
        ("Diagnosis", "```sh\n# no heading\ndf -h\n```"),
        ("Diagnosis / Deeper df", "Look."),
        ("Setext", "Text."),
    ];
    assert_eq!(headings(&document), expected.map(|(heading, text)| (heading.to_owned(), text.to_owned())));
}

#[test]
fn without_front_matter_the_first_heading_is_the_title_and_without_headings_there_is_none() {
    let document = Document::parse("# Title *here*\ntext").unwrap();
    assert_eq!((document.title.as_deref(), document.sections.len()), (Some("Title here"), 1));
    assert_eq!(Document::parse("only text").unwrap().title, None);
    assert_eq!(Document::parse("").unwrap().sections, []);
    assert_eq!(Document::parse("---\n\njust a rule").unwrap().sections.len(), 1);
    assert_eq!(Document::parse("\u{feff}---\r\ntitle: X\r\n---\r\nbody\r\n").unwrap().title.as_deref(), Some("X"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases = [
        ("---\ntitle: x\nno end", 1, "not closed"),
        ("---\ntitle: x\nservice: [a\n---\n", 4, "no YAML"),
        ("---\n- a\n- b\n---\n", 2, "no mapping"),
        ("---\ntitle: x\nservice: [a, b]\n---\n", 3, "`service` must be one word"),
        ("---\ntitle: x\ndate: yesterday\n---\n", 3, "2026-11-02"),
    ];
    for (text, line, what) in cases {
        let wrong = Document::parse(text).unwrap_err();
        assert!(wrong.line == line && wrong.what.contains(what), "{text:?}: {wrong:?}");
    }
}

#[test]
fn a_long_section_is_cut_at_its_paragraphs_and_loses_nothing() {
    let paragraph = "word ".repeat(200);
    let text = format!("# T\n\n{}", format!("{paragraph}\n\n").repeat(20));
    let sections = Document::parse(&text).unwrap().sections;
    assert!(sections.len() > 2 && sections.iter().all(|section| section.text.len() <= LONGEST));
    assert_eq!(sections.iter().map(|section| section.text.matches("word").count()).sum::<usize>(), 4000);
    let line = "x".repeat(3 * LONGEST);
    assert_eq!(
        Document::parse(&line).unwrap().sections.iter().map(|section| section.text.len()).sum::<usize>(),
        3 * LONGEST
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(---\n)?(\\PC|[\n#`>:-]){0,300}") {
        if let Err(wrong) = Document::parse(&text) {
            assert!(wrong.line >= 1 && wrong.line <= text.lines().count() + 1);
        }
    }
}
