//! Formats that vendors document for their own tokens, keys and webhooks.
//!
//! Each vendor's own documentation is the source; where it names only a prefix, a length that its tokens have is asked for as well.

use super::{Rule, With};

/// Bytes of a private key with its frame: one of 8,192 bits has fewer.
const LONGEST_KEY: usize = 8 * 1024;

const fn rule(words: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { words, pattern, with: With::Mask }
}

pub(super) static RULES: &[Rule] = &[
    // Private keys: PEM, OpenSSH, PGP, PuTTY, age. What lies between a beginning and an end that are far apart is no key: nobody
    // may hide a log's lines by writing both.
    Rule {
        words: &["private key"],
        pattern: r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)",
        with: With::If(1, |_, key| key.len() <= LONGEST_KEY),
    },
    // One that is cut off goes as far as it looks like one.
    rule(
        &["private key"],
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:(?:\r?\n|\\r|\\n)[ \t]*(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\n\\]*|[A-Za-z0-9+/=]*)| ?[A-Za-z0-9+/=]{16,})*",
    ),
    rule(&["private-lines"], r"Private-Lines: \d+\r?\n(?:[A-Za-z0-9+/=]+\r?\n?)+"),
    rule(&["age-secret-key"], r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    // Clouds.
    rule(&["akia", "asia", "abia", "acca"], r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)"),
    rule(&["aiza"], r"(?-u:\b)AIza[A-Za-z0-9_-]{35}"),
    rule(&["gocspx-"], r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    rule(&["ya29."], r"(?-u:\b)ya29\.[A-Za-z0-9_.-]{20,}"),
    rule(&["1//0"], r"(?-u:\b)1//0[A-Za-z0-9_-]{20,}"),
    rule(&["=="], r"(?-u:\b)[A-Za-z0-9+/]{86}=="),
    rule(&["q~"], r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    rule(&["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[a-f0-9]{64}"),
    rule(&["ltai"], r"(?-u:\b)LTAI[A-Za-z0-9]{12,20}(?-u:\b)"),
    rule(&["hrku-"], r"HRKU-[A-Za-z0-9_-]{20,}"),
    rule(&["tskey-"], r"tskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    // Code, packages, builds.
    rule(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"(?-u:\b)gh[pousr]_[A-Za-z0-9]{36,}"),
    rule(&["github_pat_"], r"github_pat_[A-Za-z0-9_]{22,}"),
    rule(
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glagent-", "gloas-", "glsoat-", "glimt-"],
        r"(?-u:\b)gl(?:pat|dt|rt|cbt|ptt|ft|agent|oas|soat|imt)-[A-Za-z0-9_.-]{20,}",
    ),
    rule(&["gr1348941"], r"GR1348941[A-Za-z0-9_-]{20,}"),
    rule(&["npm_"], r"(?-u:\b)npm_[A-Za-z0-9]{36,}"),
    rule(&["pypi-"], r"pypi-[A-Za-z0-9_-]{50,}"),
    rule(&["rubygems_"], r"rubygems_[a-f0-9]{48}"),
    rule(&["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[A-Za-z0-9_-]{20,}"),
    rule(&["atatt3", "atbb", "atctt3"], r"(?-u:\b)(?:ATATT3|ATCTT3|ATBB)[A-Za-z0-9_=.-]{20,}"),
    rule(&["akcp"], r"(?-u:\b)AKCp[A-Za-z0-9]{69,}"),
    rule(&["sqp_", "squ_", "sqa_"], r"(?-u:\b)sq[pua]_[a-f0-9]{40}"),
    rule(&["pmak-"], r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    // Infrastructure.
    rule(&["hvs.", "hvb.", "hvr."], r"(?-u:\b)hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    rule(&["vault"], r"(?-u:\b)s\.[A-Za-z0-9]{24}(?-u:\b)"),
    rule(&["atlasv1"], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    rule(&["dapi"], r"(?-u:\b)dapi[a-f0-9]{32}(?:-[0-9])?"),
    rule(&["pul-"], r"(?-u:\b)pul-[a-f0-9]{40}"),
    rule(&["dp.pt.", "dp.st.", "dp.ct.", "dp.sa."], r"dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9_.-]{40,}"),
    rule(&["ops_eyj"], r"ops_eyJ[A-Za-z0-9_=-]{40,}"),
    rule(&["glsa_", "glc_"], r"(?-u:\b)(?:glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,})"),
    rule(&["nrak-", "nrii-", "nrjs-", "nraa-"], r"(?-u:\b)NR(?:AK|II|JS|AA)-[A-Za-z0-9_-]{19,}"),
    rule(&["sntrys_", "sntryu_"], r"(?:sntrys_eyJ[A-Za-z0-9_=+/.-]{40,}|sntryu_[a-f0-9]{64})"),
    rule(&["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,}"),
    rule(&["sbp_", "sb_secret_"], r"(?-u:\b)(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})"),
    // Chat and mail.
    rule(&["xox"], r"(?-u:\b)(?:xoxe\.)?xox[abeoprs]-[A-Za-z0-9.-]{10,}"),
    rule(&["xapp-"], r"(?-u:\b)xapp-[0-9]-[A-Za-z0-9-]{10,}"),
    rule(&["hooks.slack"], r"https?://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+-]+"),
    rule(&["/api/webhooks/"], r"https?://(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]+"),
    rule(&["webhookb2", "outlook.office.com"], r"https?://[A-Za-z0-9.-]*office\.com/webhook[b2]*/[A-Za-z0-9@/_-]+"),
    rule(&["token", "bot", "discord"], r"(?-u:\b)[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    rule(&[":aa"], r"(?-u:\b)[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    rule(&["sg."], r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    rule(&["key-"], r"(?-u:\b)key-[a-f0-9]{32}(?-u:\b)"),
    rule(
        &["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
        r"(?-u:\b)[a-f0-9]{32}-us[0-9]{1,2}(?-u:\b)",
    ),
    rule(
        &[
            "sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb", "skc", "skd", "ske",
            "skf",
        ],
        r"(?-u:\b)SK[a-f0-9]{32}(?-u:\b)",
    ),
    // Models.
    rule(&["sk-"], r"(?-u:\b)sk-(?:proj-|ant-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}"),
    rule(&["hf_"], r"(?-u:\b)hf_[A-Za-z0-9]{30,}"),
    rule(&["gsk_", "xai-", "pplx-", "r8_", "nvapi-"], r"(?-u:\b)(?:gsk_|xai-|pplx-|r8_|nvapi-)[A-Za-z0-9_-]{32,}"),
    // Money and shops.
    rule(&["k_live_", "k_test_", "k_prod_"], r"(?-u:\b)[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,}"),
    rule(&["whsec_"], r"whsec_[A-Za-z0-9+/=_-]{20,}"),
    rule(&["shpat_", "shpca_", "shppa_", "shpss_"], r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    rule(&["sq0"], r"(?-u:\b)sq0[a-z]{3}-[A-Za-z0-9_-]{22,}"),
    // Others that are often seen.
    rule(&["lin_api_", "ntn_", "figd_"], r"(?-u:\b)(?:lin_api_|ntn_|figd_)[A-Za-z0-9_-]{30,}"),
    // JSON Web Tokens, signed or not.
    rule(&["eyj"], r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
];
