use serde_json::json;

use super::*;

fn container(change: impl FnOnce(&mut serde_json::Value)) -> Container {
    let mut value = json!({
        "Id": "0123456789abcdef", "Name": "/web-1", "Image": "sha256:one",
        "State": {"Status": "running", "Running": true, "Health": {"Status": "healthy"}},
        "Config": {"Image": "web:1", "Labels": {}, "StopTimeout": 3},
        "HostConfig": {"NetworkMode": "lab", "RestartPolicy": {"Name": "always"}}
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_cannot_be_replaced_without_loss_is_refused_while_it_is_well_and_replaced_in_place_when_it_is_not() {
    let fixed = |value: &mut serde_json::Value| {
        value["HostConfig"]["PortBindings"] = json!({"80/tcp": [{"HostPort": "8080"}]});
    };
    let told = before(&[container(fixed)], "web:2", Some("sha256:two")).unwrap_err().to_string();
    assert!(told.contains("cannot be deployed without losing requests") && told.contains("8080"), "{told}");
    let sick = container(|value| {
        fixed(value);
        value["State"]["Health"]["Status"] = json!("unhealthy");
    });
    let old = before(&[sick], "web:2", Some("sha256:two")).unwrap();
    assert!(!old[0].beside && !old[0].well && old[0].running);
    assert!(says(&old).contains("1 of them, which are not well, are stopped first"), "{}", says(&old));
}

#[test]
fn what_has_no_way_back_or_is_there_already_is_refused() {
    let throw_away = container(|value| value["HostConfig"]["AutoRemove"] = json!(true));
    assert!(before(&[throw_away], "web:2", None).unwrap_err().to_string().contains("no way back"));
    let same = before(&[container(|_| {})], "web:1", Some("sha256:one")).unwrap_err().to_string();
    assert!(same.contains("nothing is to be deployed"), "{same}");
    let left = container(|value| value["Name"] = json!("/web-1.before-0123456789ab"));
    assert!(before(&[left], "web:2", None).unwrap_err().to_string().contains("a person has to look"));
}

#[test]
fn the_time_side_by_side_comes_from_a_label() {
    let labelled = |text: &str| side_by_side(&container(|value| value["Config"]["Labels"][DRAIN] = json!(text)));
    assert_eq!(side_by_side(&container(|_| {})).unwrap(), SIDE_BY_SIDE);
    assert_eq!(labelled("500ms").unwrap(), Duration::from_millis(500));
    assert_eq!(labelled("2m").unwrap(), Duration::from_secs(120));
    for wrong in ["", "5", "s", "5 s", "5h", "11m", "99999999999999999999s", "-1s"] {
        let told = labelled(wrong).unwrap_err().to_string();
        assert!(told.contains("right would be a time"), "{wrong}: {told}");
    }
}
