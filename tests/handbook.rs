//! Documents of a repository on GitHub, at the door of the program: fetched once for each version, kept while GitHub is down.

use evals::{BrokenCall, Fault, NewRepository, Part, World};
use memory::Collection;
use tokio::task::block_in_place;

use crate::{house::House, stage::Server};

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

#[tokio::test]
async fn a_document_that_does_not_parse_is_named_and_fetched_once_for_each_version() {
    let world = World::start(evals::Case::from_embedded("container-killed").unwrap()).await.unwrap();
    let broken = "---\nservice: [\n---\n# On call\n\nThe pager.";
    let handbook = NewRepository::new("acme/handbook").file("on-call.md", broken).file("pumps.md", "# Pumps\n\nTwo.");
    world.add_repository(handbook);
    let (settings, url) =
        ("[memory]\nrepositories = [\"acme/handbook\"]\n[github]\ntoken = \"t\"\nurl", world.github_url());
    let server = Server::start(&format!("{settings} = \"{url}\"\n")).await;
    let keeper = server.parts.keeper().unwrap();
    let index = async || {
        let done = keeper.index(&|_, _| {}).await.unwrap();
        let (_, documents) = done.into_iter().find(|(collection, _)| *collection == Collection::Documents).unwrap();
        let bad: Vec<_> = documents.bad.into_iter().map(|bad| bad.file).collect();
        (documents.documents, documents.written, bad)
    };
    assert_eq!(index().await, (1, 1, vec!["acme/handbook/on-call.md".to_owned()]));

    let (method, path) = ("GET".to_owned(), "/repos/acme/handbook/git/blobs/*".to_owned());
    let fault = Fault::Status(500, None);
    world.break_call(Part::GitHub, BrokenCall { method, path, nth: 1, once: false, after: false, fault });
    assert_eq!(index().await, (1, 0, vec![]));
    assert_eq!(world.struck_calls(Part::GitHub), 0, "it was fetched again");
    world.mend_calls(Part::GitHub);

    let repository = world.repository("acme/handbook").unwrap();
    repository.push("main", &[("on-call.md", "# On call\n\nThe pager.")], "x").unwrap();
    assert_eq!(index().await, (2, 1, vec![]));
}
