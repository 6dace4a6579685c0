use serde_json::json;

use super::{names::numbered, *};
use crate::generation::{PORT_SHARING, VOLUME_SHARING};

/// A container as a real engine describes it, made by Compose.
fn container(change: impl FnOnce(&mut serde_json::Value)) -> Container {
    let mut value = json!({
        "Id": "0123456789abcdef0123", "Name": "/shop-web-2", "Image": "sha256:one",
        "Config": {
            "Hostname": "0123456789ab", "Domainname": "", "User": "1000", "Env": ["PATH=/bin", "MODE=fast", "PORT=80"],
            "Cmd": ["serve"], "Entrypoint": ["/web"], "Image": "web:1", "WorkingDir": "/srv", "StopSignal": "SIGINT",
            "StopTimeout": 3, "ExposedPorts": {"80/tcp": {}, "81/tcp": {}},
            "Healthcheck": {"Test": ["CMD", "/web", "check"], "Interval": 1_000_000_000},
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web",
                "com.docker.compose.container-number": "2", "built-by": "image", "tier": "front"}
        },
        "HostConfig": {
            "NetworkMode": "shop_default", "Memory": 50_331_648, "MemorySwap": 50_331_648, "Links": ["/shop-db:/shop-web-2/db"],
            "ConsoleSize": [0, 0], "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Binds": ["data:/data:rw"],
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}
        },
        "Mounts": [
            {"Type": "volume", "Name": "data", "Destination": "/data", "RW": true},
            {"Type": "volume", "Name": "f00", "Destination": "/cache", "RW": true}
        ],
        "NetworkSettings": {"Networks": {
            "shop_default": {"NetworkID": "n1", "Aliases": ["web", "0123456789ab"], "IPAddress": "172.18.0.2", "MacAddress": "02:42:ac:12:00:02"},
            "admin": {"NetworkID": "n2", "Aliases": ["web-admin", "0123456789ab"]}
        }}
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn image() -> ImageConfig {
    serde_json::from_value(json!({
        "User": "", "Env": ["PATH=/bin", "MODE=slow"], "Cmd": ["serve"], "Entrypoint": ["/web"], "WorkingDir": "/srv",
        "ExposedPorts": {"80/tcp": {}}, "Labels": {"built-by": "image"}, "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["CMD", "/web", "check"], "Interval": 1_000_000_000}
    }))
    .unwrap()
}

fn pattern<'a>(
    container: &'a Container,
    image: &'a ImageConfig,
    labels: &'a BTreeMap<String, String>,
    takes_volumes: bool,
) -> Pattern<'a> {
    Pattern { container, image_was: Some(image), image: "web:2", labels, without: &["tier"], takes_volumes }
}

#[test]
fn an_equal_container_keeps_what_its_owner_set_and_leaves_the_rest_to_the_new_image() {
    let (old, image) = (container(|_| {}), image());
    let labels = BTreeMap::from([(COMPOSE_NUMBER.to_owned(), "3".to_owned())]);
    let mut made = serde_json::to_value(equal(&pattern(&old, &image, &labels, true))).unwrap();
    // Labels come in any order.
    made.sort_all_objects();
    insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap(), @r#"
    {
      "Domainname": "",
      "Env": [
        "MODE=fast",
        "PORT=80"
      ],
      "ExposedPorts": {
        "81/tcp": {}
      },
      "HostConfig": {
        "Binds": [
          "data:/data:rw",
          "f00:/cache"
        ],
        "Links": [
          "shop-db:db"
        ],
        "Memory": 50331648,
        "MemorySwap": 50331648,
        "NetworkMode": "shop_default",
        "PortBindings": {
          "80/tcp": [
            {
              "HostIp": "",
              "HostPort": ""
            }
          ]
        },
        "RestartPolicy": {
          "MaximumRetryCount": 0,
          "Name": "always"
        }
      },
      "Image": "web:2",
      "Labels": {
        "com.docker.compose.container-number": "3",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web"
      },
      "NetworkingConfig": {
        "EndpointsConfig": {
          "shop_default": {}
        }
      },
      "StopTimeout": 3,
      "User": "1000"
    }
    "#);
}

#[test]
fn a_command_belongs_to_its_entrypoint() {
    let old = container(|value| value["Config"]["Entrypoint"] = json!(["/other"]));
    let labels = BTreeMap::new();
    let made = equal(&pattern(&old, &image(), &labels, false));
    assert_eq!((made.entrypoint, made.cmd), (Some(vec!["/other".to_owned()]), Some(vec!["serve".to_owned()])));
}

#[test]
fn names_on_networks_are_given_without_the_container_s_own_id() {
    let old = container(|_| {});
    let found: Vec<_> = networks(&old, Some("shop-web-2")).into_iter().map(|(name, end)| (name, end.aliases)).collect();
    let names = |all: &[&str]| Some(all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let wanted = [
        ("shop_default".to_owned(), names(&["shop-web-2", "web"])),
        ("admin".to_owned(), names(&["shop-web-2", "web-admin"])),
    ];
    assert_eq!(found, wanted);
    let others: Vec<_> = other_networks(&old).into_iter().map(|(name, _)| name).collect();
    assert_eq!(others, ["admin"]);
}

#[test]
fn a_replica_that_lacks_a_name_or_a_network_is_not_found_as_the_others_are() {
    let one = container(|_| {});
    let other = |change: fn(&mut serde_json::Value)| {
        container(|value| {
            value["Id"] = json!("fedcba9876543210");
            value["Name"] = json!("/shop-web-3");
            value["NetworkSettings"]["Networks"]["shop_default"]["Aliases"] =
                json!(["web", "shop-web-3", "fedcba987654"]);
            value["NetworkSettings"]["Networks"]["admin"]["Aliases"] = json!(["web-admin", "fedcba987654"]);
            change(value);
        })
    };
    assert!(is_found_as(&one, &other(|_| {})));
    assert!(!is_found_as(&one, &other(|value| value["NetworkSettings"]["Networks"]["admin"]["Aliases"] = json!(null))));
    assert!(!is_found_as(&one, &other(|value| value["NetworkSettings"]["Networks"] = json!({}))));
}

#[test]
fn what_cannot_be_two_is_told_by_its_reason() {
    assert_eq!(cannot_be_two(&container(|_| {})), None);
    let port =
        |port: &str| container(|value| value["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] = json!(port));
    assert!(cannot_be_two(&port("8080")).unwrap().contains("the host's port 8080"));
    assert_eq!(cannot_be_two(&port("0")), None);
    assert_eq!(cannot_be_two(&port("8000-8010")), None);
    let host = |label: Option<&str>| {
        container(|value| {
            value["HostConfig"]["NetworkMode"] = json!("host");
            if let Some(label) = label {
                value["Config"]["Labels"][PORT_SHARING] = json!(label);
            }
        })
    };
    assert!(cannot_be_two(&host(None)).unwrap().contains("devops-agent.port-sharing=true"));
    assert!(cannot_be_two(&host(Some("yes"))).is_some());
    assert_eq!(cannot_be_two(&host(Some("true"))), None);
    let fixed = container(|value| {
        value["NetworkSettings"]["Networks"]["admin"]["IPAMConfig"] = json!({"IPv4Address": "10.0.0.9"});
    });
    assert!(cannot_be_two(&fixed).unwrap().contains("10.0.0.9"));
}

#[test]
fn a_volume_is_shared_only_where_it_is_already_or_its_owner_says_so() {
    let one = || {
        container(|value| {
            value["Mounts"] = json!([{"Type": "volume", "Name": "data", "Destination": "/data", "RW": true}])
        })
    };
    assert!(cannot_share_volumes(&[one()]).unwrap().contains("writes to data"));
    assert_eq!(cannot_share_volumes(&[one(), one()]), None);
    let read_only = container(|value| {
        value["Mounts"] = json!([{"Type": "bind", "Source": "/etc/x", "Destination": "/x", "RW": false}])
    });
    assert_eq!(cannot_share_volumes(&[read_only]), None);
    let socket = container(|value| {
        value["Mounts"] = json!([{"Type": "bind", "Source": "/run/x.sock", "Destination": "/x", "RW": true}])
    });
    assert_eq!(cannot_share_volumes(&[socket]), None);
    let says = container(|value| value["Config"]["Labels"][VOLUME_SHARING] = json!("true"));
    assert_eq!(cannot_share_volumes(&[says]), None);
}

#[test]
fn the_next_names_continue_those_that_there_are() {
    let named = |names: &[&str]| -> Vec<Container> {
        names
            .iter()
            .map(|name| {
                container(|value| {
                    value["Name"] = json!(format!("/{name}"));
                    let number = numbered(name).map_or("1".to_owned(), |(_, number)| number.to_string());
                    value["Config"]["Labels"][COMPOSE_NUMBER] = json!(number);
                })
            })
            .collect()
    };
    let taken = BTreeSet::from(["market-1".to_owned()]);
    let next = |names: &[&str], count| next_names(&named(names), &taken, count);
    assert_eq!(next(&["shop-web-1", "shop-web-3"], 2), [("shop-web-2".to_owned(), 2), ("shop-web-4".to_owned(), 4)]);
    assert_eq!(next(&["shop_web_1"], 1), [("shop_web_2".to_owned(), 2)]);
    assert_eq!(next(&["custom"], 1), [("shop-web-2".to_owned(), 2)]);
    let mut plain = named(&["market"]);
    plain[0].config.as_mut().unwrap().labels = None;
    // Another service has a container of the first name.
    assert_eq!(next_names(&plain, &taken, 2), [("market-2".to_owned(), 2), ("market-3".to_owned(), 3)]);
    assert_eq!(numbered("web3"), None);
    assert_eq!(numbered("2024"), None);
}

#[test]
fn replicas_are_unlike_in_what_they_run_and_in_what_they_write_to() {
    let one = container(|_| {});
    let with = |at: &str, other: serde_json::Value| container(|value| *value.pointer_mut(at).unwrap() = other);
    assert_eq!(unlike(&one, &with("/Image", json!("sha256:two"))), Some("image"));
    assert_eq!(unlike(&one, &with("/Config/Cmd", json!(["serve", "--leader"]))), Some("command"));
    assert_eq!(unlike(&one, &with("/Config/Env/1", json!("MODE=slow"))), Some("environment"));
    assert_eq!(unlike(&one, &with("/Mounts/0/Name", json!("other-data"))), Some("mounts"));
    assert_eq!(unlike(&one, &with("/Mounts/0/RW", json!(false))), Some("mounts"));
    // The order says nothing, and a volume without a name is every container's own.
    assert_eq!(unlike(&one, &with("/Config/Env", json!(["PORT=80", "PATH=/bin", "MODE=fast"]))), None);
    assert_eq!(unlike(&one, &with("/Mounts/1/Name", json!("ba5"))), None);
    assert_eq!(unlike(&one, &with("/Name", json!("/shop-web-7"))), None);
}
