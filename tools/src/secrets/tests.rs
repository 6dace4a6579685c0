use super::*;

/// The text masked, for a table.
fn told(texts: &[&str]) -> String {
    texts.iter().map(|text| mask(text).into_owned()).collect::<Vec<_>>().join("\n")
}

/// A made-up token of that many characters: put together here, so that nobody's scanner takes this file for a leak.
fn made_up(prefix: &str, letters: &str, length: usize) -> String {
    prefix.chars().chain(letters.chars().cycle().take(length)).collect()
}

const MIXED: &str = "a1B2c3D4e5F6g7H8i9J0";
const HEX: &str = "0a1b2c3d4e5f";

#[test]
fn each_word_of_a_rule_is_one_that_its_secrets_hold() {
    assert!(COMPILED.rules.len() <= 128, "the set of rules is 128 bits");
    for rule in vendors::RULES {
        assert!(!rule.words.is_empty() && rule.words.iter().all(|word| word.len() >= 2), "{}", rule.pattern);
    }
}

#[test]
fn the_formats_of_vendors_are_known() {
    let tokens = [
        made_up("AKIA", "ABCD2345", 16),
        made_up("AIza", MIXED, 35),
        made_up("GOCSPX-", MIXED, 28),
        made_up("ya29.", MIXED, 60),
        made_up("1//0", MIXED, 40),
        made_up("", "Ab1+", 86) + "==",
        made_up("abc8Q~", MIXED, 34),
        made_up("dop_v1_", HEX, 64),
        made_up("LTAI", MIXED, 20),
        made_up("HRKU-AA", MIXED, 58),
        made_up("tskey-auth-", MIXED, 30),
        made_up("ghp_", MIXED, 36),
        made_up("github_pat_", MIXED, 82),
        made_up("glpat-", MIXED, 20),
        made_up("GR1348941", MIXED, 20),
        made_up("npm_", MIXED, 36),
        made_up("pypi-AgEIcHlwaS5vcmc", MIXED, 60),
        made_up("rubygems_", HEX, 48),
        made_up("dckr_pat_", MIXED, 27),
        made_up("ATATT3", MIXED, 180),
        made_up("AKCp", MIXED, 69),
        made_up("squ_", HEX, 40),
        made_up("hvs.", MIXED, 90),
        made_up("", MIXED, 14) + &made_up(".atlasv1.", MIXED, 67),
        made_up("dapi", HEX, 32),
        made_up("pul-", HEX, 40),
        made_up("dp.pt.", MIXED, 43),
        made_up("glsa_", MIXED, 32) + "_0a1b2c3d",
        made_up("NRAK-", "AB12", 27),
        made_up("sntryu_", HEX, 64),
        made_up("pscale_tkn_", MIXED, 43),
        made_up("sbp_", HEX, 40),
        made_up("xoxb-", "1234567890-", 30),
        made_up("xapp-1-", "A1B2-", 40),
        made_up("https://hooks.slack.com/services/T00000000/B00000000/", MIXED, 24),
        made_up("https://discord.com/api/webhooks/123456789/", MIXED, 68),
        made_up("https://acme.webhook.office.com/webhookb2/", MIXED, 36),
        made_up("123456789:AA", MIXED, 33),
        made_up("SG.", MIXED, 22) + &made_up(".", MIXED, 43),
        made_up("key-", HEX, 32),
        made_up("", HEX, 32) + "-us12",
        made_up("SK", HEX, 32),
        made_up("sk-proj-", MIXED, 48),
        made_up("sk-ant-api03-", MIXED, 93),
        made_up("hf_", "abcDEF", 34),
        made_up("gsk_", MIXED, 52),
        made_up("sk_live_", MIXED, 24),
        made_up("whsec_", MIXED, 32),
        made_up("shpat_", HEX, 32),
        made_up("sq0atp-", MIXED, 22),
        made_up("lin_api_", MIXED, 40),
        made_up("eyJhbGciOi", MIXED, 20) + &made_up(".eyJzdWIi", MIXED, 20) + &made_up(".", MIXED, 43),
        made_up("AGE-SECRET-KEY-1", "QPZRY9X8", 58),
    ];
    for token in &tokens {
        for text in [format!("said {token} and went on"), format!("[{token}]"), format!("x={token}, y")] {
            let masked = mask(&text);
            assert!(!masked.contains(token.as_str()) && masked.contains(MASK), "{text}: {masked}");
        }
        let masked = mask(&format!("said {token} and went on")).into_owned();
        assert_eq!(masked, "said [masked] and went on", "{token}");
    }
    let bot =
        made_up("bot token ", "M", 1) + &made_up("", MIXED, 23) + &made_up(".", "Gx1", 6) + &made_up(".", MIXED, 30);
    assert_eq!(mask(&bot), "bot token [masked]");
    for name in
        ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "PRIVATE KEY"]
    {
        assert_eq!(mask(&format!("a -----BEGIN {name}-----\nMIIE\nabc=\n-----END {name}----- b")), "a [masked] b");
        assert_eq!(mask(&format!("cut -----BEGIN {name}-----\\nMIIE\\nabc")), "cut [masked]");
        let hidden =
            format!("-----BEGIN {name}-----\n{}-----END {name}-----", "the disk of db-1 is full\n".repeat(400));
        assert!(mask(&hidden).contains("the disk of db-1 is full"), "nobody hides a log between two lines");
        let open = format!("-----BEGIN {name}-----\nthe disk of db-1 is full");
        assert_eq!(mask(&open), "[masked] disk of db-1 is full");
    }
}

#[test]
fn what_stands_under_a_telling_key_is_masked_in_every_form() {
    insta::assert_snapshot!(told(&[
        "password=hunter2 next",
        r#"{"api_key": "abc def", "n": 1}"#,
        r#"{"password":"with \" quote","user":"x"}"#,
        r#"body="{\"client_secret\":\"abc\",\"id\":7}""#,
        "  dbPassword: hunter2",
        "DB_PASSWORD='hunter 2' PORT=5",
        "level=info secret=\"abc\" status=200",
        "Server=db;User Id=sa;Password=p@ss!w0rd;Encrypt=true",
        "AccountName=x;AccountKey=abc+/==;EndpointSuffix=core",
        "<password>hunter2</password>",
        "{:password => \"hunter2\"}",
        "Config { password: Some(\"hunter2\"), port: 5 }",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "run --password hunter2 --port 5",
        "['--token', 'abcdef12']",
        "mysqldump --password=hunter2 db",
        "curl -sS -u admin:hunter2 http://h/",
        "ALTER USER app WITH PASSWORD 'hunter2'",
        "CREATE USER a IDENTIFIED BY 'hunter2'",
        "HEROKU_API_KEY=550e8400-e29b-41d4-a716-446655440000",
        "token=9sVx2kQpLz7T done",
        "\"auth\": \"dXNlcjpwYXNzd29yZA==\"",
        "sentry dsn=https://0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d@o1.ingest.sentry.io/1",
    ]), @r#"
    password=[masked] next
    {"api_key": "[masked]", "n": 1}
    {"password":"[masked]","user":"x"}
    body="{\"client_secret\":\"[masked]\",\"id\":7}"
      dbPassword: [masked]
    DB_PASSWORD='[masked]' PORT=5
    level=info secret="[masked]" status=200
    Server=db;User Id=sa;Password=[masked];Encrypt=true
    AccountName=x;AccountKey=[masked];EndpointSuffix=core
    <password>[masked]</password>
    {:password => "[masked]"}
    Config { password: Some("[masked]"), port: 5 }
    aws_secret_access_key = [masked]
    run --password [masked] --port 5
    ['--token', '[masked]']
    mysqldump --password=[masked] db
    curl -sS -u admin:[masked] http://h/
    ALTER USER app WITH PASSWORD '[masked]'
    CREATE USER a IDENTIFIED BY '[masked]'
    HEROKU_API_KEY=[masked]
    token=[masked] done
    "auth": "[masked]"
    sentry dsn=https://[masked]@o1.ingest.sentry.io/1
    "#);
}

#[test]
fn addresses_headers_and_lonely_values_of_chance_are_masked() {
    insta::assert_snapshot!(told(&[
        "postgres://user:hunter2@db:5432/x",
        "redis://:hunter2@cache:6379/0",
        "amqps://user:p@ss@mq/vhost and http://host:9090/a@b",
        "mongodb+srv://u:p%40ss@cluster0.example.net/db?w=majority",
        "https://9sVx2kQpLz7TfB4mNc8RwYd3@git.example.com/x.git",
        "GET /blob?sv=2022&sig=Ab%2Bc1DefGhi2jkL%3D&se=2026 200",
        "GET /maps?key=9sVx2kQpLz7TfB4mNc8RwYd3&q=x",
        "Authorization: Bearer abcdefghijklmnop",
        "authorization=Basic dXNlcjpwYXNz status=401",
        r#"{"Authorization":["Bearer abc.def.ghi"],"Accept":["*/*"]}"#,
        "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261120/eu/s3/aws4_request, Signature=0a1b",
        "Authorization: Digest username=\"x\", response=\"0a1b\"",
        "proxy-authorization: 9sVx2kQpLz7TfB4m",
        "Cookie: session=abc; theme=dark",
        "set-cookie: sid=s%3Aabc; HttpOnly",
        "X-Api-Key: abc123 X-Request-Id: 7",
        "PRIVATE-TOKEN: abc123def",
        "x-amz-security-token=FwoGZXIvYXdzE",
        "sent bearer 9sVx2kQpLz7TfB4m to it",
        "using secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE2KEY for bucket x",
        "new token is 0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d",
    ]), @r#"
    postgres://user:[masked]@db:5432/x
    redis://:[masked]@cache:6379/0
    amqps://user:[masked]@mq/vhost and http://host:9090/a@b
    mongodb+srv://u:[masked]@cluster0.example.net/db?w=majority
    https://[masked]@git.example.com/x.git
    GET /blob?sv=2022&sig=[masked]&se=2026 200
    GET /maps?key=[masked]&q=x
    Authorization: Bearer [masked]
    authorization=Basic [masked] status=401
    {"Authorization":["Bearer [masked]"],"Accept":["*/*"]}
    Authorization: AWS4-HMAC-SHA256 [masked]
    Authorization: Digest [masked]
    proxy-authorization: [masked]
    Cookie: [masked]
    set-cookie: [masked]
    X-Api-Key: [masked] X-Request-Id: 7
    PRIVATE-TOKEN: [masked]
    x-amz-security-token=[masked]
    sent bearer [masked] to it
    using secret [masked] for bucket x
    new token is [masked]
    "#);
}

/// Lines as they stand in logs every day: not one letter of them may go.
const ORDINARY: &str = include_str!("../ordinary.txt");

#[test]
fn ordinary_lines_stay_as_they_are() {
    let wrong: Vec<_> =
        ORDINARY.lines().filter(|line| mask(line) != *line).map(|line| mask(line).into_owned()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(ORDINARY.lines().count() >= 80);
}

#[test]
fn masking_what_is_masked_changes_nothing() {
    for text in
        ["password=[masked] x", "\"token\": \"[masked]\"", "a://u:[masked]@h", "Bearer [masked]", "Cookie: [masked]"]
    {
        assert_eq!(mask(text), text);
    }
}
