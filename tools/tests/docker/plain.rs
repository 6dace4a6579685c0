//! On a plain engine.

use serde_json::json;
use tools::Undo;

use crate::{
    bench::{Bench, docker, passed},
    load::Load,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn replicas_are_added_and_removed_as_compose_does_it() {
    let bench = Bench::compose("scaled", 2, &[]);
    let two = bench.containers();
    bench.there_and_back("scale_service", json!({"replicas": 4})).await;
    assert_eq!(bench.containers(), two);

    let args = bench.args(json!({"replicas": 4}));
    let before = bench.before("scale_service", &args).await;
    bench.apply("scale_service", &args, &before).await.unwrap();
    assert_eq!(
        bench.containers(),
        [1, 2, 3, 4].map(|number| format!("lab-scaled-{number} market-predictor:1 running"))
    );
    let label = "{{index .Config.Labels \"com.docker.compose.container-number\"}} {{.HostConfig.RestartPolicy.Name}}";
    assert_eq!(docker(&["inspect", "--format", label, "lab-scaled-4"]), "4 always");
    let aliases = docker(&["inspect", "--format", "{{.NetworkSettings.Networks.scaled.Aliases}}", "lab-scaled-4"]);
    assert!(aliases.contains("scaled"), "{aliases}");

    let load = Load::on_network("scaled", "scaled:8000");
    bench.there_and_back("scale_service", json!({"replicas": 1})).await;
    let counted = load.end().await;
    println!("scale under load: {counted:?}");
    assert_eq!((counted.failed, bench.containers().len()), (0, 4), "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn what_cannot_have_an_equal_is_told() {
    let bench = Bench::compose("single", 1, &["--publish", "18321:8000"]);
    let told = |failure: tools::Failure| match failure {
        tools::Failure::Tell(text) => text,
        tools::Failure::Unreachable { .. } => panic!("{failure}"),
    };
    let args = bench.args(json!({"replicas": 2}));
    let text = told(bench.registry.before("scale_service", &args).await.unwrap_err());
    assert!(text.contains("the host's port 18321"), "{text}");
    let args = bench.args(json!({"image": "market-predictor:2"}));
    let text = told(bench.registry.before("deploy_service", &args).await.unwrap_err());
    assert!(text.contains("without losing requests"), "{text}");
    let args = bench.args(json!({"image": "market-predictor:none"}));
    let text = told(bench.registry.before("deploy_service", &args).await.unwrap_err());
    assert!(text.contains("its registry does not give it"), "{text}");
    let text = told(bench.registry.before("rollback_service", &bench.args(json!({}))).await.unwrap_err());
    assert!(text.contains("no earlier image"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn limits_are_set_while_it_runs_and_set_back() {
    for limits in [&["--memory", "48m", "--memory-swap", "64m", "--cpus", "0.5"][..], &[]] {
        let bench = Bench::compose("limited", 2, limits);
        let read = || {
            docker(&[
                "inspect",
                "--format",
                "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.State.StartedAt}}",
                "lab-limited-1",
            ])
        };
        let was = read();
        bench.there_and_back("update_resources", json!({"memory_mib": 96, "cpus": 1.5})).await;
        println!("before {was}, after {}", read());
        if !limits.is_empty() {
            assert_eq!(read(), was);
        }
        bench.there_and_back("update_resources", json!({"cpus": 0.25})).await;
        let args = bench.args(json!({"memory_mib": 6}));
        let used = docker(&["exec", "lab-limited-1", "/market-predictor", "healthcheck"]);
        assert!(used.is_empty());
        // The engine counts what the process holds; a limit below it would end it.
        match bench.registry.before("update_resources", &args).await {
            Ok(_) => println!("it uses less than 6 MiB"),
            Err(failure) => assert!(failure.to_string().contains("MiB of memory now"), "{failure}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn a_new_image_is_deployed_and_taken_back_under_load_without_a_lost_request() {
    let bench = Bench::compose("deployed", 2, &[]);
    let were = bench.containers();
    let load = Load::on_network("deployed", "deployed:8000");
    bench.there_and_back("deploy_service", json!({"image": "market-predictor:2"})).await;
    let counted = load.end().await;
    println!("deploy and undo under load: {counted:?}");
    assert_eq!(counted.failed, 0, "{counted:?}");
    assert!(counted.versions.contains_key("1") && counted.versions.contains_key("2"), "{counted:?}");
    assert_eq!(bench.containers(), were);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn replicas_that_share_a_port_are_deployed_and_rolled_back_without_a_lost_request() {
    let bench = Bench::sharing("sharing", 4, "18322");
    let load = Load::on_host("127.0.0.1:18322");
    let args = bench.args(json!({"image": "market-predictor:2"}));
    let before = bench.before("deploy_service", &args).await;
    println!("{}", bench.apply("deploy_service", &args, &before).await.unwrap());
    bench.proven("deploy_service", &args, &before).await;
    bench.there_and_back("rollback_service", json!({})).await;
    let back = bench.args(json!({}));
    let before = bench.before("rollback_service", &back).await;
    let effect = bench.registry.effect("rollback_service", &back, &before).unwrap();
    assert_eq!(effect.image.as_deref(), Some("market-predictor:1"));
    bench.apply("rollback_service", &back, &before).await.unwrap();
    bench.proven("rollback_service", &back, &before).await;
    let counted = load.end().await;
    println!("host network, four replicas, deploy and rollback: {counted:?}");
    assert_eq!(counted.failed, 0, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn an_image_that_never_becomes_well_leaves_the_old_one_serving() {
    let bench = Bench::compose("spared", 2, &[]);
    let were = bench.containers();
    for image in ["market-predictor:sick", "market-predictor:dies"] {
        let load = Load::on_network("spared", "spared:8000");
        let args = bench.args(json!({"image": image}));
        let before = bench.before("deploy_service", &args).await;
        let failed = bench.apply("deploy_service", &args, &before).await.unwrap_err();
        let counted = load.end().await;
        println!("{image}: {failed}\n  {counted:?}");
        assert!(failed.to_string().contains("did not become well"), "{failed}");
        assert_eq!(counted.failed, 0, "{counted:?}");
        assert_eq!(counted.versions.keys().collect::<Vec<_>>(), ["1"]);
        assert_eq!(bench.containers(), were);
        assert!(!passed(&bench.registry.verify("deploy_service", &args, &before).await.unwrap()));
        assert!(matches!(bench.undo("deploy_service", &args, &before).await, Undo::Done(_)));
        bench.restored("deploy_service", &args, &before).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn what_is_sick_and_cannot_have_an_equal_is_rolled_back_in_its_place() {
    let bench = Bench::compose("pinned", 1, &[]);
    let _ = docker(&["rm", "--force", "lab-pinned-1"]);
    let run = |image: &str, more: &[&str]| {
        let mut arguments =
            vec!["run", "--detach", "--name", "lab-pinned-1", "--network", "pinned", "--publish", "18323:8000"];
        arguments.extend(["--label", "com.docker.compose.service=pinned", "--env", "LISTEN=0.0.0.0"]);
        arguments.extend(more);
        arguments.push(image);
        docker(&arguments)
    };
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", "market-predictor:1"]);
    run("market-predictor:sick", &["--label", &format!("devops-agent.previous-image={id}")]);
    let begun = std::time::Instant::now();
    while docker(&["inspect", "--format", "{{.State.Health.Status}}", "lab-pinned-1"]) != "unhealthy" {
        assert!(begun.elapsed().as_secs() < 30);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    bench.there_and_back("rollback_service", json!({})).await;
    let args = bench.args(json!({}));
    let before = bench.before("rollback_service", &args).await;
    bench.apply("rollback_service", &args, &before).await.unwrap();
    bench.proven("rollback_service", &args, &before).await;
    // The sick image is no image to go back to.
    let failure = bench.registry.before("rollback_service", &args).await.unwrap_err();
    assert!(failure.to_string().contains("no earlier image"), "{failure}");
}
