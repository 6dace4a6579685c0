//! `silence_alert` against a real Alertmanager: `ALERTMANAGER_URL=http://… cargo test -p devops-agent-tools -- --ignored`.

use std::sync::Arc;

use serde_json::json;
use tools::{SharedClock, SilenceAlert, SystemClock, Undo};

use crate::{Hand, alertmanager, catalogue, client};

#[tokio::test]
#[ignore = "needs a real Alertmanager, named by ALERTMANAGER_URL"]
async fn a_real_alertmanager_silences_exactly_one_alert() {
    #[expect(clippy::disallowed_methods, reason = "a test by hand is told by its environment where to go")]
    let url = std::env::var("ALERTMANAGER_URL").unwrap();
    let job = "market-predictor";
    let odd = "a\"b\\c {é} \n";
    let fires = json!([
        { "labels": { "alertname": "ServiceDown", "job": job, "odd": odd } },
        { "labels": { "alertname": "ServiceDown", "job": job, "odd": odd, "zone": "a" } },
        { "labels": { "alertname": "Other", "job": job, "odd": odd } },
        { "labels": { "alertname": "ServiceDown", "job": "another" } },
    ]);
    let posted = client().post(format!("{url}/api/v2/alerts")).json(&fires).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    let clock: SharedClock = Arc::new(SystemClock);
    let known = alertmanager(&url, Arc::clone(&clock));
    let hand = Hand::new(SilenceAlert::new(Some(Arc::clone(&known)), catalogue(), Arc::clone(&clock)));
    let args = json!({ "service": job, "alert": "ServiceDown", "minutes": 5, "reason": "a trial" });

    let before = hand.before(&args).await;
    let done = hand.apply(&args, &before).await;
    assert!(done.starts_with("made 2 silences"), "{done}");
    let verified = hand.verify(&args, &before).await;
    assert!(!verified.contains("FAIL"), "{verified}");
    assert_eq!(hand.happened(&args, &before).await, "2 of 2 silences were made");
    let silenced: Vec<_> =
        known.alerts().await.unwrap().0.into_iter().map(|alert| alert.status.silenced_by.len()).collect();
    assert_eq!(silenced.iter().sum::<usize>(), 2, "one silence each, and none for the others: {silenced:?}");
    let again = hand.before(&args).await;
    assert!(hand.apply(&args, &again).await.starts_with("nothing to do"));
    let id = done.rsplit([' ', ',']).next().unwrap().to_owned();
    let silence = known.silence(&id).await.unwrap().unwrap();
    assert!(silence.starts_at <= clock.now() && silence.comment.contains("a trial"));

    assert!(matches!(hand.undo(&args, &before).await, Undo::Done(_)));
    let restored = hand.restored(&args, &before).await;
    assert!(!restored.contains("FAIL"), "{restored}");
    assert!(known.expire_silence(&id).await.is_ok(), "one that is over stays as it is");
    assert!(known.silence("9d9f50bd-c0a5-4f6c-9e26-2bb409a35f39").await.unwrap().is_none());
}
