use std::time::Duration;

use secrecy::ExposeSecret;
use tools::Autonomy;

use super::{load::load, *};

fn wrong(text: &str) -> String {
    load("a.toml", text, std::iter::empty()).unwrap_err().to_string()
}

fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>().into_iter()
}

#[test]
fn the_default_loads_and_documents_itself() {
    let settings = Settings::from_toml("").unwrap();
    assert_eq!(settings.http.listen.port(), 9099);
    assert_eq!(settings.intake.label_value_max, 4_096);
    assert_eq!(settings.model.chain, ["runbook"]);
    assert!(settings.services().is_empty());
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let text = r#"
[http]
listn = "127.0.0.1:1"
body_limit = "5 parsecs"
[worker]
concurrency = "four"
[prometheus]
url = "localhost:9090"
[services.api]
autonomy = "everything"
helth_url = "http://x/"
[[http.tokens]]
name = "a"
rol = "viewer"
"#;
    insta::assert_snapshot!(wrong(text), @r#"
    the settings are wrong:
      a.toml:3: http.listn: there is no such key; did you mean `listen`?
      a.toml:14: http.tokens[0].rol: there is no such key; did you mean `role`?
      a.toml:11: services.api.helth_url: there is no such key; did you mean `health_url`?
      a.toml:4: http.body_limit: "5 parsecs" is no size; right would be "256KiB" or "1MiB"
      a.toml:12: http.tokens[0]: missing field `token`
      a.toml:8: prometheus.url: it is not http:// or https:// with a host; right would be "http://host:port"
      a.toml:10: services.api.autonomy: unknown variant `everything`, expected one of `observe`, `propose`, `act`
      a.toml:6: worker.concurrency: invalid type: string "four", expected usize; right would be 4
    "#);
}

#[test]
fn what_no_single_value_shows_is_told_too() {
    let told =
        wrong("[http]\nlisten = \"0.0.0.0:80\"\n[model]\nchain = [\"gpt\", \"runbook\"]\n[worker]\nconcurrency = 0\n");
    insta::assert_snapshot!(told, @r#"
    the settings are wrong:
      a.toml:2: http.listen: 0.0.0.0:80 is not loopback, so credentials are needed: add [[http.tokens]] or [[http.users]]
      a.toml:4: model.chain: "gpt" is no model; there are: runbook
      a.toml:6: worker.concurrency: it must be more than 0
    "#);
    insta::assert_snapshot!(wrong("[http\nlisten = 1"), @"
    the settings are wrong:
      a.toml:1: unclosed table, expected `]`
    ");
    let missing = Settings::load(Some(std::path::Path::new("/nowhere/x.toml")), std::iter::empty()).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/x.toml: cannot be read"), "{missing}");
}

#[test]
fn an_slo_is_read_and_a_wrong_one_told_with_its_place() {
    let settings = Settings::from_toml("[services.api.slo]\nobjective = 0.999\n").unwrap();
    assert_eq!(settings.services()[0].slo, Some(tools::Slo::new(0.999, "30d", None, None).unwrap()));
    let text = "[services.a.slo]\nobjective = 99.9\n[services.b.slo]\nobjective = 0.9\nwindow = \"a month\"\n\
                [services.c.slo]\nobjectiv = 0.9\n[services.d.slo]\nobjective = 0.9\nerrors = \"sum(x)\"\ntotal = \"sum(y[$window])\"\n";
    insta::assert_snapshot!(wrong(text), @r#"
    the settings are wrong:
      a.toml:7: services.c.slo.objectiv: there is no such key; did you mean `objective`?
      a.toml:1: services.a.slo: the objective is 99.9; right would be a share between 0 and 1, such as 0.999 for 99.9 %
      a.toml:3: services.b.slo: the window "a month" is none; right would be 1h to 100d, such as "30d" or "4w"
      a.toml:6: services.c.slo: missing field `objective`
      a.toml:8: services.d.slo: `errors` does not say where the window stands; right would be errors = 'sum(increase(http_requests_total{job="api",status=~"5.."}[$window]))'
    "#);
}

#[test]
fn the_environment_overrides_the_file_and_is_named_when_it_is_wrong() {
    let text = "[services.market-predictor]\nautonomy = \"observe\"\n[verify]\nwithin = \"2m\"\n";
    let loaded = load(
        "a.toml",
        text,
        variables(&[
            ("DEVOPS_AGENT__SERVICES__MARKET_PREDICTOR__AUTONOMY", "act"),
            ("DEVOPS_AGENT__WORKER__CONCURRENCY", "7"),
            ("DEVOPS_AGENT__MODEL__CHAIN", "[\"runbook\"]"),
            ("DEVOPS_AGENT__PROMETHEUS__URL", "http://p:9090"),
            ("HOME", "/x"),
        ]),
    )
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.services()[0].autonomy, Some(Autonomy::Act));
    assert_eq!((settings.worker.concurrency, settings.verify.within), (7, Duration::from_secs(120)));
    let told = load(
        "a.toml",
        text,
        variables(&[("DEVOPS_AGENT__WORKER__CONCURENCY", "7"), ("DEVOPS_AGENT__HTTP__LISTEN", "x")]),
    )
    .unwrap_err()
    .to_string();
    insta::assert_snapshot!(told, @r#"
    the settings are wrong:
      DEVOPS_AGENT__WORKER__CONCURENCY: worker.concurency: there is no such key; did you mean `concurrency`?
      DEVOPS_AGENT__HTTP__LISTEN: http.listen: invalid socket address syntax; right would be "127.0.0.1:9099"
    "#);
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "hunter2\n").unwrap();
    let text = format!(
        "[model]\nchain = [\"main\"]\n[model.providers.main]\nbase_url = \"https://x/v1\"\nmodel = \"m\"\napi_key_file = {:?}\n\
         [[http.tokens]]\nname = \"a\"\ntoken = \"hunter3\"\nrole = \"operator\"\n[loki]\npassword = \"hunter4\"\n",
        file.display().to_string()
    );
    let loaded = load("a.toml", &text, std::iter::empty()).unwrap();
    let key = loaded.settings.model.providers["main"].api_key.clone().unwrap();
    assert_eq!(key.expose_secret(), "hunter2");
    let printed = loaded.print(PrintFormat::Toml);
    for text in [&printed, &loaded.print(PrintFormat::Json), &format!("{:?}", loaded.settings)] {
        assert!(!text.contains("hunter"), "{text}");
    }
    assert!(printed.contains("api_key = \"[secret]\""), "{printed}");
    assert!(printed.contains("password = \"[secret]\"  # a.toml:12"), "{printed}");
    assert!(printed.contains("listen = \"127.0.0.1:9099\"  # default"), "{printed}");
    assert!(load("b.toml", &printed, std::iter::empty()).is_ok(), "{printed}");
    let unread = wrong("[github]\ntoken_file = \"/nowhere/token\"\n");
    assert!(unread.contains("a.toml:2: github.token_file: the file /nowhere/token cannot be read"), "{unread}");
}
