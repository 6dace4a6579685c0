//! The hands on a service of four whose replicas share a port: scaled, deployed and rolled back under load; a change that makes things
//! worse; the halt in mid-incident.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinHandle;

use crate::{
    agent::{Agent, kind_of},
    lab::{Lab, TOKEN, WORK},
    llm::Llm,
    scenarios::{Done, ended, says},
};

/// Requests under way at the same time.
const CLIENTS: usize = 4;

/// The policy of these scenarios: three changes to one service within an incident, one after another.
const POLICY: &str = "version = 1\nautonomy = \"act\"\n[caps]\ncool_down = \"0s\"\n[images]\nnever = \"*:latest\"\n";

/// Four equal containers on the host's network that share a port.
async fn four(lab: &Lab) -> Result<()> {
    // Well, so that nothing fires but what a scenario wants.
    lab.fresh_service(2).await?;
    lab.build_images().await?;
    remove(lab).await?;
    let port = format!("PORT={}", lab.fleet_port);
    for number in 1..=4 {
        let name = format!("fleet-{number}");
        let run = ["run", "--detach", "--name", &name, "--network", "host", "--label", "devops-agent.service=fleet"];
        let more = ["--label", "devops-agent.port-sharing=true", "--label", "devops-agent.drain=500ms"];
        let environment = ["--env", "PORT_SHARING=1", "--env", &port, "market-predictor:1"];
        lab.docker(&[&run[..], &more[..], &environment[..]].concat()).await?;
    }
    lab.until("the four are healthy", async |lab| {
        running(lab, "health=healthy").await.is_ok_and(|found| found.len() == 4)
    })
    .await?;
    lab.work(lab.fleet_port, WORK).await
}

/// Name and image of the service's running containers.
async fn running(lab: &Lab, filter: &str) -> Result<BTreeMap<String, String>> {
    let format = ["--format", "{{.Names}} {{.Image}}"];
    let told = lab
        .docker(&[&["ps", "--filter", "label=devops-agent.service=fleet", "--filter", filter][..], &format].concat())
        .await?;
    Ok(told
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, image)| (name.to_owned(), image.to_owned()))
        .collect())
}

async fn remove(lab: &Lab) -> Result<()> {
    let all = lab.docker(&["ps", "--all", "--quiet", "--filter", "label=devops-agent.service=fleet"]).await?;
    for id in all.lines() {
        lab.docker(&["rm", "--force", id]).await?;
    }
    Ok(())
}

/// Asks as fast as it can until it is told to stop; gives how many were answered by which version, and why others were not.
fn load(lab: &Lab) -> (Arc<AtomicBool>, Vec<JoinHandle<(BTreeMap<String, u64>, Vec<String>)>>) {
    let stop = Arc::new(AtomicBool::new(false));
    let url = format!("http://127.0.0.1:{}/version", lab.fleet_port);
    let client = |_| {
        let (stop, url) = (Arc::clone(&stop), url.clone());
        tokio::spawn(async move {
            let (mut versions, mut failed) = (BTreeMap::<String, u64>::new(), Vec::new());
            // A new connection each time: the next one may be answered by another container.
            let client =
                reqwest::Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(5)).build().unwrap();
            while !stop.load(Ordering::Relaxed) {
                let answered = async { client.get(&url).send().await?.error_for_status()?.json::<Value>().await };
                match answered.await {
                    Ok(answer) => *versions.entry(answer["version"].to_string()).or_default() += 1,
                    Err(error) => failed.push(format!("{error:?}")),
                }
            }
            (versions, failed)
        })
    };
    let clients = (0..CLIENTS).map(client).collect();
    (stop, clients)
}

/// Starts the agent with this provider, in a policy of these scenarios.
async fn agent<'a>(lab: &'a Lab, name: &str, llm: &Llm, more: &str) -> Result<Agent<'a>> {
    let policy = lab.path(&format!("policy-{name}.toml"));
    std::fs::write(&policy, POLICY)?;
    let settings = format!(
        "[guard]\npolicy = \"{}\"\n{}[services.fleet]\nlabels = {{ \"devops-agent.service\" = \"fleet\" }}\n\
         health_url = \"http://127.0.0.1:{}/health\"\nprometheus = '{{job=\"fleet\"}}'\n[discovery]\nenabled = false\n{more}",
        policy.display(),
        llm.settings(),
        lab.fleet_port,
    );
    Agent::start(lab, name, "act", &settings).await
}

/// The same, with an incident about the service.
async fn incident<'a>(lab: &'a Lab, name: &str, llm: &Llm) -> Result<Agent<'a>> {
    let agent = agent(lab, name, llm, "").await?;
    let alert = json!({ "receiver": "agent", "groupKey": "fleet", "alerts": [{
        "fingerprint": "fleet", "status": "firing", "labels": { "alertname": "FleetSlow", "service": "fleet" },
        "startsAt": Utc::now().to_rfc3339(), "generatorURL": "http://p/graph?g0.expr=vector%280%29+%3E+1",
    }] });
    let url = format!("http://127.0.0.1:{}/alerts", lab.agent_port);
    lab.client.post(url).bearer_auth(TOKEN).json(&alert).send().await?.error_for_status()?;
    Ok(agent)
}

fn wanted(tool: &'static str, more: Value) -> Vec<(&'static str, Value)> {
    let mut args = json!({ "service": "fleet", "reason": "the live suite wants it" });
    if let (Some(args), Some(more)) = (args.as_object_mut(), more.as_object()) {
        args.extend(more.clone());
    }
    vec![(tool, args)]
}

pub(crate) async fn under_load(lab: &mut Lab) -> Done {
    four(lab).await?;
    let turns = vec![
        wanted("scale_service", json!({ "replicas": 6 })),
        wanted("deploy_service", json!({ "image": "market-predictor:2" })),
        wanted("rollback_service", json!({})),
    ];
    let (llm, fault) = (Llm::start(turns, 100).await?, Utc::now());
    let (stop, clients) = load(lab);
    let agent = incident(lab, "load", &llm).await?;
    let entries = ended(&agent, "repaired").await;
    stop.store(true, Ordering::Relaxed);
    let (mut versions, mut failed) = (BTreeMap::<String, u64>::new(), Vec::new());
    for client in clients {
        let (answered, lost) = client.await?;
        answered.into_iter().for_each(|(version, count)| *versions.entry(version).or_default() += count);
        failed.extend(lost);
    }
    println!("    answered by version: {versions:?}, lost: {}", failed.len());
    let entries = entries?;
    ensure!(failed.is_empty(), "{} requests were lost, the first: {}", failed.len(), failed[0]);
    ensure!(versions.contains_key("\"2\""), "the new image never answered: {versions:?}");
    let images = running(lab, "health=healthy").await?;
    ensure!(images.len() == 6, "there are {} healthy replicas and should be 6", images.len());
    let back = images.values().all(|image| image == "market-predictor:1" || image.starts_with("sha256:"));
    ensure!(back, "after the rollback these run: {images:?}");
    let proven = entries
        .iter()
        .filter(|entry| entry.pointer("/event/type") == Some(&json!("verified")) && entry["event"]["ok"] == true);
    ensure!(proven.count() == 3, "not all three changes were proven");
    remove(lab).await?;
    Ok((fault, entries))
}

/// An image that is well for three seconds and then no longer: well enough to be switched to, too ill to be proven.
pub(crate) async fn worse(lab: &mut Lab) -> Done {
    four(lab).await?;
    let before = running(lab, "status=running").await?;
    let turns = vec![wanted("deploy_service", json!({ "image": "market-predictor:worse" }))];
    let (llm, fault) = (Llm::start(turns, 100).await?, Utc::now());
    let agent = incident(lab, "worse", &llm).await?;
    let entries = ended(&agent, "handed_over").await?;
    says(&agent, &["Not proven to have helped", "taken back"]).await?;
    let after = running(lab, "health=healthy").await?;
    ensure!(after == before, "before: {before:?}\nafter: {after:?}");
    remove(lab).await?;
    Ok((fault, entries))
}

/// The first change is proven; then somebody stops everything, and the second one does not begin. By the program itself, beside the
/// running agent.
pub(crate) async fn halted(lab: &mut Lab) -> Done {
    four(lab).await?;
    let turns =
        vec![wanted("scale_service", json!({ "replicas": 5 })), wanted("scale_service", json!({ "replicas": 6 }))];
    let (llm, fault) = (Llm::start(turns, 1).await?, Utc::now());
    let agent = incident(lab, "halt", &llm).await?;
    agent.event("verified").await?;
    let told = agent.command(&["halt", "--because", "the exchange is closed"]).await?;
    ensure!(told.contains("every change is stopped"), "{told}");
    llm.go_on();
    let entries = ended(&agent, "repaired").await?;
    says(&agent, &["operator has stopped every change: the exchange is closed"]).await?;
    let begun = entries.iter().filter(|entry| kind_of(entry) == "change_begun").count();
    let replicas = running(lab, "status=running").await?.len();
    ensure!((begun, replicas) == (1, 5), "{begun} changes were begun, {replicas} replicas run");
    let agent = agent.killed_and_started_again().await?;
    let halt = agent.get("/halt").await?;
    ensure!(halt["halted"] == true, "the halt did not survive a restart: {halt}");
    ensure!(agent.command(&["resume"]).await?.contains("may go on"), "it cannot be resumed");
    // Another policy holds as soon as the file is read again; a wrong one never does.
    let policy = lab.path("policy-halt.toml");
    let hash = async || Ok::<_, anyhow::Error>(agent.get("/policy").await?["hash"].clone());
    let before = hash().await?;
    std::fs::write(&policy, "version = 1\nautonomy = \"everything\"\n")?;
    let refused = agent.command(&["policy", "reload"]).await?;
    ensure!(refused.contains("goes on holding") && hash().await? == before, "a wrong policy holds: {refused}");
    std::fs::write(&policy, "version = 1\nautonomy = \"observe\"\n")?;
    agent.signal("HUP").await?;
    lab.until("SIGHUP has read the policy again", async |_| hash().await.is_ok_and(|hash| hash != before)).await?;
    let verified = agent.command(&["incidents", "verify"]).await?;
    ensure!(verified.contains(" 0 breaks found"), "{verified}");
    remove(lab).await?;
    Ok((fault, entries))
}

/// A secret of at least 24 bytes, as Standard Webhooks writes it.
const SIGNING: &str = "live-suite-signing-secret-of-the-receiver";

/// By a real Alertmanager's webhook: the alert is silenced there, limits are set on all four, a receiver is told and can prove by whom.
pub(crate) async fn limits(lab: &mut Lab) -> Done {
    four(lab).await?;
    let told: Arc<Mutex<Vec<(HeaderMap, String)>>> = Arc::default();
    let receiver = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let (address, kept) = (receiver.local_addr()?, Arc::clone(&told));
    let keep = async move |headers: HeaderMap, body: String| kept.lock().unwrap().push((headers, body));
    tokio::spawn(async move { axum::serve(receiver, Router::new().route("/told", post(keep))).await });
    let silence = json!({ "alert": "FleetSlow", "minutes": 5 });
    let message = json!({ "message": "the limits of fleet were raised", "severity": "info" });
    let turns = vec![
        wanted("silence_alert", silence),
        wanted("update_resources", json!({ "memory_mib": 64, "cpus": 0.5 })),
        wanted("notify", message),
    ];
    let (llm, fault) = (Llm::start(turns, 100).await?, Utc::now());
    let destination = format!(
        "[[notify.destinations]]\nname = \"on-call\"\nkind = \"webhook\"\nwebhook_url = \"http://{address}/told\"\nsigning_secret = \"{SIGNING}\"\n"
    );
    let agent = agent(lab, "limits", &llm, &destination).await?;
    let alerts = format!("http://127.0.0.1:{}/api/v2/alerts", lab.alertmanager_port);
    let fire = json!([{
        "labels": { "alertname": "FleetSlow", "service": "fleet", "severity": "warning" },
        "generatorURL": "http://p/graph?g0.expr=vector%280%29+%3E+1",
    }]);
    lab.client.post(&alerts).json(&fire).send().await?.error_for_status()?;
    let entries = ended(&agent, "repaired").await?;

    let silences = lab.get_json(&format!("http://127.0.0.1:{}/api/v2/silences", lab.alertmanager_port)).await?;
    let silences: Vec<_> =
        silences.as_array().into_iter().flatten().filter(|one| one["status"]["state"] == "active").collect();
    ensure!(silences.len() == 1, "there are {} silences: {silences:?}", silences.len());
    let matchers = silences[0]["matchers"].as_array().cloned().unwrap_or_default();
    let exact = matchers.iter().all(|one| one["isRegex"] == false && one["isEqual"] == true);
    ensure!(exact && matchers.len() >= 3, "not just this alert: {matchers:?}");
    let format = "{{.HostConfig.Memory}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}}";
    for name in running(lab, "status=running").await?.into_keys() {
        let limits = lab.docker(&["inspect", "--format", format, &name]).await?;
        ensure!(limits == "67108864 50000 100000", "{name} has the limits {limits}");
    }
    let told = told.lock().unwrap().clone();
    ensure!(told.len() == 1, "the receiver was told {} times", told.len());
    signed(&told[0].0, &told[0].1)?;
    let mut over = fire.clone();
    over[0]["endsAt"] = json!(Utc::now().to_rfc3339());
    lab.client.post(&alerts).json(&over).send().await?.error_for_status()?;
    remove(lab).await?;
    Ok((fault, entries))
}

/// Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn signed(headers: &HeaderMap, body: &str) -> Result<()> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut hmac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes())?;
    hmac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    let right = format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()));
    ensure!(header("webhook-signature") == right, "signed {}, right is {right}", header("webhook-signature"));
    Ok(())
}

impl Agent<'_> {
    async fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().context("the agent does not run")?.to_string();
        let sent = tokio::process::Command::new("kill").args(["-s", name, &id]).status().await?;
        ensure!(sent.success(), "kill -s {name} {id}");
        Ok(())
    }

    /// The program itself with this agent's settings.
    async fn command(&self, arguments: &[&str]) -> Result<String> {
        let binary = std::env::var("DEVOPS_AGENT_BINARY").context("DEVOPS_AGENT_BINARY is not set")?;
        let output = tokio::process::Command::new(binary)
            .arg("--config")
            .arg(self.folder.join("agent.toml"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await?;
        Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    }
}
