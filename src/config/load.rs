//! Loads settings and tells all that is wrong with them.

use std::{collections::BTreeMap, path::Path};

use toml::{Table, Value};

use super::{ConfigError, Problem, Settings, source};

/// The file that is read when none is named.
const FILE: &str = "devops-agent.toml";
/// Problems told at once.
const MOST: usize = 20;

/// Settings, and where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is set.
    pub settings: Settings,
    /// What is strange and not wrong.
    pub warnings: Vec<String>,
    pub(super) table: Table,
    pub(super) origins: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the file (`devops-agent.toml` in the working directory when none is named) and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let (path, must) = file.map_or((Path::new(FILE), false), |file| (file, true));
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if !must && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                return Err(ConfigError { problems: vec![Problem { place: name, key: String::new(), what }] });
            }
        };
        load(&name, &text, environment)
    }

    /// Reads settings from text over the default.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        load("(text)", text, std::iter::empty()).map(|loaded| loaded.settings)
    }
}

pub(super) fn load(
    name: &str,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let problem = |place: &str, what: String| Problem { place: place.to_owned(), key: String::new(), what };
    let mut table: Table = toml::from_str(source::DEFAULT)
        .map_err(|error| ConfigError { problems: vec![problem("(compiled in)", error.to_string())] })?;
    let mut given: Table = toml::from_str(text).map_err(|error| {
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        ConfigError { problems: vec![problem(&format!("{name}:{line}"), error.message().to_owned())] }
    })?;
    let lines = source::lines(text);
    let in_file = |path: &str| file_place(name, &lines, path);
    let (mut problems, mut origins) = (Vec::new(), BTreeMap::new());
    source::remove_unknown(&mut given, "", &in_file, &mut problems);
    source::read_secret_files(&mut given, "", &in_file, &mut problems);
    source::lay(&mut table, given, "", &in_file, &mut origins);

    let (mut overrides, variables) = source::environment(&table, environment);
    let in_environment = |path: &str| variables.get(path).cloned().unwrap_or_else(|| source::PREFIX.to_owned());
    source::remove_unknown(&mut overrides, "", &in_environment, &mut problems);
    source::read_secret_files(&mut overrides, "", &in_environment, &mut problems);
    source::lay(&mut table, overrides, "", &in_environment, &mut origins);

    let settings = read(&mut table.clone(), &origins, &in_file, &mut problems);
    match settings {
        Some(settings) if problems.is_empty() => {
            let warnings = check(&settings, &origins, &in_file)?;
            Ok(Loaded { settings, warnings, table, origins })
        }
        Some(_) | None => Err(ConfigError { problems }),
    }
}

fn file_place(name: &str, lines: &BTreeMap<String, usize>, path: &str) -> String {
    let mut path = path;
    loop {
        if let Some(line) = lines.get(path) {
            return format!("{name}:{line}");
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = path.get(..end).unwrap_or_default(),
            None => return name.to_owned(),
        }
    }
}

/// Reads the table as settings; after each wrong value the default stands in, so that the next wrong one is found as well.
fn read(
    table: &mut Table,
    origins: &BTreeMap<String, String>,
    in_file: &dyn Fn(&str) -> String,
    problems: &mut Vec<Problem>,
) -> Option<Settings> {
    loop {
        let error = match serde_path_to_error::deserialize::<_, Settings>(Value::Table(table.clone())) {
            Ok(settings) => return Some(settings),
            Err(error) => error,
        };
        let path = error.path().to_string();
        let place = origins.get(&path).cloned().unwrap_or_else(|| in_file(&path));
        let what = told(&path, &error.into_inner());
        let again = problems.iter().any(|known| known.key == path);
        if !again {
            problems.push(Problem { place, key: path.clone(), what });
        }
        if again || problems.len() >= MOST || !default_instead(table, &path) {
            return None;
        }
    }
}

/// What is wrong with a value, with an example where the default is one.
fn told(path: &str, error: &toml::de::Error) -> String {
    let what = error.message().to_owned();
    if what.contains("right would be") || what.contains("missing field") || what.contains("unknown variant") {
        return what;
    }
    let example = toml::from_str::<Table>(source::DEFAULT).ok().and_then(|table| at(&table, path).cloned());
    example.map_or(what.clone(), |example| format!("{what}; right would be {example}"))
}

fn at<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// Puts the default in place of a value; a value that has none is taken out with the entry that it stands in.
fn default_instead(table: &mut Table, path: &str) -> bool {
    let default = toml::from_str::<Table>(source::DEFAULT).ok().and_then(|table| at(&table, path).cloned());
    let parts: Vec<&str> = path.split('.').collect();
    let Some((last, parents)) = parts.split_last() else {
        return false;
    };
    let mut here = table;
    for part in parents {
        if part.contains('[') {
            let list = part.split('[').next().unwrap_or_default();
            return here.insert(list.to_owned(), Value::Array(Vec::new())).is_some();
        }
        match here.get_mut(*part) {
            Some(Value::Table(inner)) => here = inner,
            Some(_) | None => return false,
        }
    }
    match default {
        Some(default) => here.insert((*last).to_owned(), default).is_some(),
        None if last.contains('[') => {
            let list = last.split('[').next().unwrap_or_default();
            here.insert(list.to_owned(), Value::Array(Vec::new())).is_some()
        }
        None => here.remove(*last).is_some(),
    }
}

/// What no single value shows. Gives warnings.
fn check(
    settings: &Settings,
    origins: &BTreeMap<String, String>,
    in_file: &dyn Fn(&str) -> String,
) -> Result<Vec<String>, ConfigError> {
    let mut problems = Vec::new();
    let mut wrong = |key: &str, what: String| {
        let place = origins.get(key).cloned().unwrap_or_else(|| in_file(key));
        problems.push(Problem { place, key: key.to_owned(), what });
    };
    let http = &settings.http;
    if !http.listen.ip().is_loopback() && http.tokens.is_empty() && http.users.is_empty() {
        let what = format!(
            "{} is not loopback, so credentials are needed: add [[http.tokens]] or [[http.users]]",
            http.listen
        );
        wrong("http.listen", what);
    }
    for name in &settings.model.chain {
        if name != "runbook" && !settings.model.providers.contains_key(name) {
            let known: Vec<_> = settings.model.providers.keys().map(String::as_str).chain(["runbook"]).collect();
            wrong("model.chain", format!("{name:?} is no model; there are: {}", known.join(", ")));
        }
    }
    for (key, share) in [
        ("memory.threshold", settings.memory.threshold),
        ("memory.embeddings.nearness", settings.memory.embeddings.nearness),
    ] {
        if !(0.0..=1.0).contains(&share) {
            wrong(key, format!("{share} is not between 0 and 1"));
        }
    }
    if !settings.memory.embeddings.base_url.is_empty() && settings.memory.embeddings.model.is_empty() {
        wrong("memory.embeddings.model", "an endpoint is given and no model; name one".to_owned());
    }
    for place in &settings.memory.repositories {
        if let Err(why) = place.parse::<tools::reach::RepositoryFolder>() {
            wrong("memory.repositories", why);
        }
    }
    if !settings.memory.repositories.is_empty() && settings.github.token.is_none() {
        wrong("memory.repositories", "they are on GitHub: set `token` in [github]".to_owned());
    }
    if settings.model.chain.is_empty() {
        wrong("model.chain", "it is empty; right would be [\"runbook\"]".to_owned());
    }
    for (key, zero) in [
        ("worker.concurrency", settings.worker.concurrency == 0),
        ("worker.lease", settings.worker.lease.is_zero()),
        ("verify.every", settings.verify.every.is_zero()),
        ("triage.within", settings.triage.within.is_zero()),
        ("triage.tokens", settings.triage.tokens == 0),
        ("budget.steps", settings.budget.steps == 0),
    ] {
        if zero {
            wrong(key, "it must be more than 0".to_owned());
        }
    }
    let runbooks = &settings.runbooks;
    if runbooks.drafts == runbooks.folder {
        let what = "what was learnt would hold before anybody has read it; right would be a folder of its own";
        wrong("runbooks.drafts", what.to_owned());
    }
    if !runbooks.repository.is_empty()
        && let Err(failure) = tools::reach::RepositoryName::parse(&runbooks.repository)
    {
        wrong("runbooks.repository", failure.to_string());
    }
    let parts = || runbooks.path.split('/');
    if runbooks.path.starts_with('/') || parts().any(|part| part == "..") || runbooks.path.chars().any(char::is_control)
    {
        wrong("runbooks.path", "it is a folder inside the repository; right would be \"runbooks\"".to_owned());
    }
    for (name, service) in &settings.services {
        if service.container.is_some() && !service.labels.is_empty() {
            wrong(&format!("services.{name}"), "give `container` or `labels`, not both".to_owned());
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let unknown = settings.services.iter().flat_map(|(name, service)| {
        let missing = service.depends_on.iter().filter(|needed| !settings.services.contains_key(*needed));
        missing.map(move |needed| format!("services.{name}.depends_on names {needed:?}, which the settings do not know; its containers' labels may"))
    });
    Ok(unknown.collect())
}
