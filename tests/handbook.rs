//! Documents of a repository on GitHub, at the door of the program: fetched once for each version, kept while GitHub is down.

use evals::{BrokenCall, Fault, NewRepository, Part, World};
use tokio::task::block_in_place;

use crate::house::House;

const SECRET: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";

/// What `memory index` says of documents.
fn index(house: &House) -> String {
    let (code, told, complained) = block_in_place(|| house.run(&["memory", "index"]));
    assert_eq!(code, Some(0), "{told}{complained}");
    told.lines().find(|line| line.starts_with("documents")).unwrap().to_owned()
}

fn finds(house: &House, text: &str) -> String {
    block_in_place(|| house.run(&["memory", "search", "documents", text])).1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repositorys_markdown_is_found_followed_and_kept_while_github_is_down() {
    let world = World::start(evals::Case::from_embedded("container-killed").unwrap()).await.unwrap();
    let handbook = NewRepository::new("acme/handbook")
        .file("README.md", "# Handbook\n\nAsk the zebra.")
        .file("docs/on-call.md", "# On call\n\nThe zanzibar pager rings first.")
        .file("docs/deep/post-mortems.MD", "# Post-mortems\n\nThe flamingo outage of spring.")
        .file("docs/.hidden/draft.md", "# Draft\n\nThe zanzibar draft.")
        .file("docs/figures.json", "{\"zanzibar\": 1}")
        .link("docs/link.md", "on-call.md");
    world.add_repository(handbook);
    let house = House::new(&format!(
        "repositories = [\"acme/handbook/docs\"]\n[github]\nurl = \"{}\"\ntoken = \"t\"\n",
        world.github_url()
    ));
    assert_eq!(index(&house), "documents: 2 documents, 2 written, 0 removed");
    assert!(finds(&house, "zanzibar pager").contains("acme/handbook/docs/on-call.md"));
    assert!(finds(&house, "flamingo outage").contains("acme/handbook/docs/deep/post-mortems.MD"));
    assert!(!finds(&house, "ask the zebra").contains("README"), "it is not in the folder");

    // Neither a text that is known is fetched again, nor is anything let go of while GitHub does not answer.
    let (method, path) = ("GET".to_owned(), "/repos/acme/handbook/git/blobs/*".to_owned());
    let fault = Fault::Status(500, None);
    world.break_call(Part::GitHub, BrokenCall { method, path, nth: 1, once: false, after: false, fault });
    assert_eq!(index(&house), "documents: 2 documents, 0 written, 0 removed");
    assert_eq!(world.struck_calls(Part::GitHub), 0, "no text was asked for");
    world.mend_calls(Part::GitHub);
    world.break_part(Part::GitHub, Fault::Refuse);
    assert_eq!(index(&house), "documents: 2 documents, 0 written, 0 removed");
    world.mend_part(Part::GitHub);
    assert!(finds(&house, "zanzibar pager").contains("acme/handbook/docs/on-call.md"));

    let changed = format!("# On call\n\nThe walrus pager rings first, by {SECRET}.");
    let repository = world.repository("acme/handbook").unwrap();
    repository
        .push("main", &[("docs/on-call.md", &changed), ("docs/new.md", "# New\n\nThe okapi page.")], "x")
        .unwrap();
    assert_eq!(index(&house), "documents: 3 documents, 2 written, 0 removed");
    assert!(finds(&house, "walrus pager").contains("acme/handbook/docs/on-call.md"));
    assert!(!house.keeps(SECRET), "a secret of a document is on the disk");

    // Another place of the same repository: what is no longer named goes.
    let settings = std::fs::read_to_string(house.path("devops-agent.toml")).unwrap();
    house.write("devops-agent.toml", settings.replace("acme/handbook/docs", "acme/handbook/docs/deep"));
    assert_eq!(index(&house), "documents: 1 documents, 0 written, 2 removed");
    house.write("devops-agent.toml", settings.replace("acme/handbook/docs", "acme/handbook/nowhere"));
    assert_eq!(index(&house), "documents: 0 documents, 0 written, 1 removed", "no folder of that name");
}
