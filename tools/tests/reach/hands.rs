//! The hands on Docker at an engine that fails, and at one that was changed by another while it was asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tools::{
    Catalogue, DeployService, Failure, Mint, Origin, Registry, RestartContainer, RollbackService, ScaleService,
    Service, SharedCatalogue, UpdateResources, reach::Docker,
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, method, path, query_param},
};

use crate::{client, clock};

fn hands(url: &str) -> (Registry, Mint) {
    let known = |name: &str, label: &str| Service {
        labels: BTreeMap::from([(label.to_owned(), name.to_owned())]),
        ..Service::named(name, Origin::Settings)
    };
    let services = [known("web", "devops-agent.service"), known("swarmed", "com.docker.swarm.service.name")];
    let catalogue = || SharedCatalogue::new(Catalogue::new(services.clone()));
    let docker = || Some(Arc::new(Docker::connect(url, Duration::from_secs(1)).unwrap()));
    let timeout = Duration::from_secs(1);
    let (registry, mint) = Registry::new();
    let registry = registry
        .change(ScaleService::new(docker(), catalogue(), clock(), client(), timeout))
        .change(UpdateResources::new(docker(), catalogue(), clock(), client(), timeout))
        .change(DeployService::new(docker(), catalogue(), clock(), client(), timeout))
        .change(RollbackService::new(docker(), catalogue(), clock(), client(), timeout, None))
        .change(RestartContainer::new(docker(), catalogue(), clock(), client(), timeout));
    (registry, mint)
}

fn calls(service: &str) -> Vec<(&'static str, Value)> {
    let with = |more: Value| {
        let mut args = json!({"service": service, "reason": "a test"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    vec![
        ("scale_service", with(json!({"replicas": 3}))),
        ("update_resources", with(json!({"memory_mib": 64}))),
        ("deploy_service", with(json!({"image": "web:2"}))),
        ("rollback_service", with(json!({}))),
        ("restart_container", with(json!({}))),
    ]
}

async fn raw(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&bytes).await;
        }
    });
    url
}

#[tokio::test]
async fn an_engine_that_fails_is_told_of_and_nothing_is_begun() {
    let answers = [
        (
            "500",
            ResponseTemplate::new(500).set_body_json(json!({"message": "boom \u{1b}[31mred token=hunter2hunter2"})),
        ),
        ("429", ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_json(json!({"message": "slow"}))),
        ("malformed", ResponseTemplate::new(200).set_body_string("<html>")),
        ("another form", ResponseTemplate::new(200).set_body_json(json!("x"))),
        ("slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(20))),
        ("huge", ResponseTemplate::new(200).set_body_bytes(vec![b' '; 5 << 20])),
    ];
    let mut urls = vec![
        ("refused", "http://127.0.0.1:9".to_owned()),
        ("silent", raw(Vec::new()).await),
        ("half", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id".to_vec()).await),
    ];
    let mut servers = Vec::new();
    for (name, answer) in answers {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        urls.push((name, server.uri()));
        servers.push(server);
    }
    for (name, url) in urls {
        let (registry, _) = hands(&url);
        let all: Vec<_> = calls("web").into_iter().chain(calls("swarmed")).collect();
        let asked = all.iter().map(|(tool, args)| registry.before(tool, args));
        for ((tool, args), answer) in all.iter().zip(futures::future::join_all(asked).await) {
            let failure = answer.unwrap_err();
            let text = failure.to_string();
            assert!(matches!(failure, Failure::Unreachable { .. }), "{name} {tool} {args}: {text}");
            assert!(text.starts_with("Docker could not be reached: ") && text.len() < 500, "{name} {tool}: {text}");
            assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{name} {tool}: {text}");
        }
    }
}

#[tokio::test]
async fn what_the_engine_refuses_is_for_the_model() {
    for (status, message) in [(404, "service swarmed not found"), (503, "This node is not a swarm manager.")] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_json(json!({"message": message}));
        Mock::given(path("/services/swarmed")).respond_with(answer).mount(&server).await;
        let (registry, _) = hands(&server.uri());
        let (tool, args) = calls("swarmed").remove(0);
        let failure = registry.before(tool, &args).await.unwrap_err();
        assert_eq!(failure, Failure::Tell(format!("Docker says ({status}): {message}")));
    }
}

fn swarmed(version: u64, replicas: u64) -> Value {
    json!({
        "ID": "s1", "Version": {"Index": version},
        "Spec": {"Name": "swarmed", "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Env": ["PASSWORD=hunter2hunter2"]}}}
    })
}

#[tokio::test]
async fn an_update_out_of_sequence_is_made_once_more_with_what_stands_then() {
    let server = MockServer::start().await;
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            json!({"Status": {"State": "running"}, "DesiredState": "running",
        "Spec": {"ContainerSpec": {"Image": "web:1"}}})
        })
        .collect();
    Mock::given(path("/tasks")).respond_with(ResponseTemplate::new(200).set_body_json(tasks)).mount(&server).await;
    let service = |version, replicas| ResponseTemplate::new(200).set_body_json(swarmed(version, replicas));
    let get = || Mock::given(method("GET")).and(path("/services/swarmed"));
    // deploying, before, apply's look, the first try: version 7; then another one was faster.
    get().respond_with(service(7, 2)).up_to_n_times(4).mount(&server).await;
    get().respond_with(service(8, 2)).up_to_n_times(1).mount(&server).await;
    get().respond_with(service(9, 3)).mount(&server).await;
    let stale = json!({"message": "rpc error: code = Unknown desc = update out of sequence"});
    let post = |version: &str| {
        Mock::given(method("POST")).and(path("/services/swarmed/update")).and(query_param("version", version))
    };
    post("7").respond_with(ResponseTemplate::new(500).set_body_json(stale)).expect(1).mount(&server).await;
    post("8")
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"Warnings": null})))
        .expect(1)
        .mount(&server)
        .await;
    let (registry, mint) = hands(&server.uri());
    let (tool, args) = calls("swarmed").remove(0);
    let before = registry.before(tool, &args).await.unwrap();
    assert!(!before.to_string().contains("hunter2"), "{before}");
    let done = registry.apply(mint.permit(tool, &args), tool, &args, &before).await.unwrap();
    assert_eq!(done, "the service swarmed has 3 replicas, before 2");
    let sent: Vec<Request> = server.received_requests().await.unwrap();
    let last = sent.iter().rfind(|request| request.method.as_str() == "POST").unwrap();
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body.pointer("/Mode/Replicated/Replicas"), Some(&json!(3)));
    assert_eq!(body.pointer("/TaskTemplate/ContainerSpec/Env/0"), Some(&json!("PASSWORD=hunter2hunter2")));
}

#[tokio::test]
async fn a_memory_limit_below_what_is_used_is_refused_with_both_numbers() {
    let server = MockServer::start().await;
    let json = |value: Value| ResponseTemplate::new(200).set_body_json(value);
    let on = |at: &'static str, value: Value| Mock::given(path(at)).respond_with(json(value)).mount(&server);
    let labels = json!({"devops-agent.service": "web"});
    on("/containers/json", json!([{"Id": "c1", "Names": ["/web-1"], "Labels": labels}])).await;
    on("/containers/c1/json", json!({
        "Id": "c1", "Name": "/web-1", "Image": "sha256:one", "State": {"Status": "running", "Running": true},
        "Config": {"Image": "web:1", "Labels": labels}, "HostConfig": {"Memory": 268_435_456, "MemorySwap": 268_435_456}
    }))
    .await;
    on("/info", json!({"NCPU": 2})).await;
    on(
        "/containers/c1/stats",
        json!({"memory_stats": {"usage": 115_343_360, "stats": {"total_inactive_file": 10_485_760}}}),
    )
    .await;
    let (registry, _) = hands(&server.uri());
    let args = |more: Value| {
        let mut args = json!({"service": "web", "reason": "a test"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    let told = registry.before("update_resources", &args(json!({"memory_mib": 64}))).await.unwrap_err().to_string();
    let wanted = "web-1 uses 100 MiB of memory now; a limit of 64 MiB would end it. Right would be more than 100 MiB";
    assert_eq!(told, wanted);
    let told = registry.before("update_resources", &args(json!({"cpus": 2.5}))).await.unwrap_err().to_string();
    assert_eq!(told, "cpus is 2.500, and the machine has 2 cores");
    let right = args(json!({"memory_mib": 128, "cpus": 1.5}));
    let before = registry.before("update_resources", &right).await.unwrap();
    let effect = registry.effect("update_resources", &right, &before).unwrap();
    assert_eq!((effect.memory, effect.millicpus), (Some(128 << 20), Some(1_500)));
    assert_eq!(effect.deploying, None);
}

#[tokio::test]
async fn a_restarted_container_that_crashes_again_does_not_pass_whatever_it_was_counted_before() {
    let counted = async |restarts: u64| {
        let server = MockServer::start().await;
        let labels = json!({"devops-agent.service": "web"});
        let container = json!({
            "Id": "c1", "Name": "/web-1", "Image": "sha256:one", "RestartCount": restarts,
            "State": {"Status": "running", "Running": true}, "Config": {"Image": "web:1", "Labels": labels}
        });
        let list = json!([{"Id": "c1", "Names": ["/web-1"], "Labels": labels}]);
        for (at, answer) in [("/containers/json", list), ("/containers/c1/json", container)] {
            Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
        }
        server
    };
    let args = json!({"service": "web", "reason": "a test"});
    // Docker counts from 0 again after a restart by hand; another engine may go on counting.
    for (was, is, told) in [(12, 0, ""), (12, 12, ""), (12, 2, ", 2 times"), (0, 1, ", 1 times"), (12, 15, ", 3 times")]
    {
        let (earlier, later) = (counted(was).await, counted(is).await);
        let before = hands(&earlier.uri()).0.before("restart_container", &args).await.unwrap();
        let checks = hands(&later.uri()).0.verify("restart_container", &args, &before).await.unwrap();
        let found: Vec<_> = checks.iter().map(|check| (check.passed, check.found.as_str())).collect();
        let restarted = if told.is_empty() { String::new() } else { format!("{told} restarted by its policy since") };
        assert_eq!(found, [(told.is_empty(), format!("running{restarted}").as_str())], "{was} {is}");
    }
}

#[tokio::test]
async fn two_tasks_of_a_swarm_are_not_let_write_to_one_volume() {
    let at = async |replicas: u64| {
        let server = MockServer::start().await;
        let mut service = swarmed(7, replicas);
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"] =
            json!([{"Type": "volume", "Source": "data", "Target": "/data"}]);
        for (at, answer) in
            [("/services/swarmed", service), ("/tasks", json!([])), ("/images/web:2/json", json!({"Id": "sha256:two"}))]
        {
            Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
        }
        server
    };
    let scaled = |replicas: u64| json!({"service": "swarmed", "reason": "a test", "replicas": replicas});
    let (none, one, two) = (at(0).await, at(1).await, at(2).await);
    let told = hands(&one.uri()).0.before("scale_service", &scaled(3)).await.unwrap_err();
    let why = "the service swarmed writes to data, and nothing says that two tasks may do so at once; where they may, its label devops-agent.volume-sharing=true says so";
    assert_eq!(told, Failure::Tell(format!("swarmed cannot have 3 replicas: {why}")));
    let (tool, args) = calls("swarmed").remove(2);
    let told = hands(&one.uri()).0.before(tool, &args).await.unwrap_err();
    let without_loss = "a new image cannot be deployed without losing requests";
    assert_eq!(told, Failure::Tell(format!("{without_loss}: {why}. Nothing was changed")));
    for (server, replicas) in [(&none, 1), (&one, 0), (&two, 3), (&two, 1)] {
        hands(&server.uri()).0.before("scale_service", &scaled(replicas)).await.unwrap();
    }
}
