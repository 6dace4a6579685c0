use super::super::count_tokens;

#[test]
fn tokens_are_those_of_the_models_tokenizer() {
    let text = "café: the container was OOM-killed (exit code 137)";
    assert_eq!(count_tokens("gpt-4o", "hello world"), 2);
    assert_eq!(count_tokens("openai/gpt-4o", text), count_tokens("some-local-model", text), "o200k_base when unknown");
    assert_eq!(count_tokens("gpt-4o", ""), 0);
}

#[test]
fn a_huge_text_is_estimated_and_no_text_breaks_the_tokenizer() {
    let line = "2026-01-01T00:00:00Z level=error msg=\"payment declined\" id=4711\n";
    let one = count_tokens("gpt-4o", line);
    let times = 50_000;
    let counted = count_tokens("gpt-4o", &line.repeat(times));
    assert!(counted.abs_diff(one * times) < one * times / 20, "{counted}, and {one} for each of {times} lines");
    for run in ["a", " ", "\n", "é", "=", "界"] {
        assert!(count_tokens("gpt-4o", &run.repeat(300_000)) > 0);
    }
}
