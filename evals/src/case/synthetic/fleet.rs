//! A fleet to begin with.

use chrono::DateTime;

use super::{Illness, Synthetic, SyntheticImage, SyntheticService};

impl SyntheticService {
    /// A well service of one container under Compose.
    pub fn named(name: &str) -> Self {
        let image = |tag: &str| format!("shop/{name}:{tag}");
        let other = |tag: &str| SyntheticImage::good(&image(tag));
        Self {
            name: name.to_owned(),
            replicas: 1,
            image: image("1.4.0"),
            images: vec![
                other("1.3.9"),
                SyntheticImage { on_engine: false, ..other("1.4.1") },
                SyntheticImage { on_engine: false, error_ratio: 0.5, ..other("1.5.0-failing") },
                SyntheticImage { on_engine: false, healthy: false, ..other("1.5.0-unhealthy") },
                SyntheticImage { on_engine: false, ready: false, ..other("1.5.0-dead") },
            ],
            memory: 256 << 20,
            nano_cpus: 500_000_000,
            swarm: false,
            port: 8080,
            requests_per_second: 40.0,
            ready_after: 3.0,
            depends_on: Vec::new(),
            protected: false,
            autonomy: Some("act".to_owned()),
        }
    }
}

impl Synthetic {
    /// Six services, one of which is ill: `web` (four containers, needs `catalog`), `catalog` (one, needs `database`),
    /// `database` (protected), `search` (four, in the Swarm), `checkout` (two, needs `web`), and `prometheus` (protected).
    pub fn fleet(ill: &str, illness: Illness) -> Self {
        let named = SyntheticService::named;
        let needs = |name: &str| vec![name.to_owned()];
        let services = vec![
            SyntheticService { replicas: 4, requests_per_second: 120.0, depends_on: needs("catalog"), ..named("web") },
            SyntheticService { depends_on: needs("database"), ..named("catalog") },
            SyntheticService { port: 5432, protected: true, memory: 1 << 30, ..named("database") },
            SyntheticService { replicas: 4, swarm: true, requests_per_second: 80.0, ..named("search") },
            SyntheticService { replicas: 2, depends_on: needs("web"), ..named("checkout") },
            SyntheticService { port: 9090, protected: true, requests_per_second: 2.0, ..named("prometheus") },
        ];
        Self {
            name: "synthetic".to_owned(),
            now: DateTime::from_timestamp(1_796_000_000, 0).unwrap_or_default(),
            project: "shop".to_owned(),
            services,
            ill: ill.to_owned(),
            illness,
        }
    }
}
