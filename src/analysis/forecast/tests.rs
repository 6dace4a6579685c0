use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// Samples every `seconds`, and the moment of the last one.
fn every(seconds: i64, values: impl IntoIterator<Item = f64>) -> (Vec<Sample>, DateTime<Utc>) {
    let at = |index: usize| start() + TimeDelta::seconds(seconds * i64::try_from(index).unwrap());
    let samples: Vec<_> =
        values.into_iter().enumerate().map(|(index, value)| Sample { at: at(index), value }).collect();
    let now = samples.last().map_or_else(start, |sample| sample.at);
    (samples, now)
}

fn told(seconds: i64, values: impl IntoIterator<Item = f64>, limit: f64) -> Forecast {
    let (samples, now) = every(seconds, values);
    forecast(&samples, limit, now).unwrap()
}

/// Hours until the moment, and the interval.
fn hours(forecast: &Forecast) -> (f64, f64, Option<f64>) {
    let Outcome::Fills { at, earliest, latest } = forecast.outcome else { panic!("{:?}", forecast.outcome) };
    let newest = forecast.newest.unwrap();
    let hours = |at: DateTime<Utc>| (at - newest).num_milliseconds() as f64 / 3_600_000.0;
    (hours(at), hours(earliest), latest.map(hours))
}

fn none(forecast: &Forecast) -> NoFill {
    let Outcome::DoesNotFill { why } = forecast.outcome else { panic!("{:?}", forecast.outcome) };
    why
}

/// Numbers that look like chance and are always the same.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

#[test]
fn a_straight_line_is_met_where_it_meets_the_limit() {
    let straight = told(MINUTE, (0..120).map(|minute| 10.0 + f64::from(minute) * 0.5), 100.0);
    let (at, earliest, latest) = hours(&straight);
    assert!((at - 30.5 / 30.0).abs() < 1e-6, "{at}");
    assert!((earliest - at).abs() < 1e-6 && (latest.unwrap() - at).abs() < 1e-6);
    let trend = straight.trend.unwrap();
    assert!((trend.per_hour - 30.0).abs() < 1e-9 && trend.fit > 0.999, "{trend:?}");
    assert_eq!((straight.level.unwrap().round(), straight.drops), (70.0, 0));
}

#[test]
fn what_is_no_line_is_said() {
    assert_eq!(none(&told(MINUTE, [5.0; 60], 100.0)), NoFill::Flat);
    assert_eq!(none(&told(MINUTE, (0..60).map(|minute| 90.0 - f64::from(minute)), 100.0)), NoFill::Falls);
    assert_eq!(none(&told(MINUTE, (0..60).map(|minute| f64::from(minute) * 1e-6), 100.0)), NoFill::TooFarAway);
    let mut noise = Noise(1);
    assert_eq!(none(&told(MINUTE, (0..60).map(|_| 50.0 + noise.normal()), 100.0)), NoFill::NoClearTrend);
    let little = |values: &[f64]| told(MINUTE, values.to_vec(), 100.0).outcome;
    assert_eq!(little(&[]), Outcome::TooLittleData { why: TooLittle::NoSamples });
    assert_eq!(little(&[f64::NAN, f64::INFINITY]), Outcome::TooLittleData { why: TooLittle::NoSamples });
    assert_eq!(little(&[5.0]), Outcome::TooLittleData { why: TooLittle::FewSamples });
    assert_eq!(little(&[100.0]), Outcome::AlreadyFull);
    assert_eq!(told(MINUTE, (0..60).map(|minute| f64::from(minute) * 2.0), 100.0).outcome, Outcome::AlreadyFull);
    let limit = forecast(&[], f64::INFINITY, start()).unwrap_err().to_string();
    assert!(limit.contains("right would be a number"), "{limit}");
}

#[test]
fn gaps_wild_values_and_what_is_no_number_do_not_bend_the_line() {
    let (mut samples, now) = every(MINUTE, (0..240).map(|minute| f64::from(minute) * 0.25));
    for (index, sample) in samples.iter_mut().enumerate() {
        match index % 10 {
            3 => sample.value = f64::NAN,
            7 => sample.value = 1e6,
            _ => {}
        }
    }
    samples.retain(|sample| !(80..140).contains(&((sample.at - start()).num_seconds() / 60)));
    samples.reverse();
    let (at, earliest, latest) = hours(&forecast(&samples, 100.0, now).unwrap());
    let right = (100.0 - 239.0 * 0.25) / 15.0;
    assert!((at - right).abs() < right * 0.05, "{at} {right}");
    assert!(earliest <= at && latest.unwrap() >= at);
}

#[test]
fn after_a_clean_up_only_what_came_since_counts() {
    let cleaned = (0..200).map(|minute| if minute < 120 { f64::from(minute) * 0.7 } else { f64::from(minute - 100) });
    let forecast = told(MINUTE, cleaned, 200.0);
    let (at, ..) = hours(&forecast);
    assert_eq!(forecast.drops, 1);
    assert!((at - 101.0 / 60.0).abs() < 0.02, "{at}");
    assert_eq!(forecast.since, Some(start() + TimeDelta::minutes(120)));
    let just = (0..124).map(|minute| if minute < 120 { f64::from(minute) * 0.7 } else { 1.0 });
    assert_eq!(told(MINUTE, just, 200.0).outcome, Outcome::TooLittleData { why: TooLittle::JustDropped });
}

#[test]
fn what_is_cleaned_up_every_time_does_not_run_full_unless_it_reaches_higher_each_time() {
    let teeth = |height: fn(i32) -> f64| (0..200).map(move |at| f64::from(at % 20) / 19.0 * height(at / 20));
    assert_eq!(none(&told(600, teeth(|_| 60.0), 100.0)), NoFill::ComesBackDown);
    let (at, ..) = hours(&told(600, teeth(|tooth| 40.0 + f64::from(tooth) * 3.0), 100.0));
    // Its teeth grow by 3 in 200 minutes, and the last of ten reached 67.
    assert!((30.0..45.0).contains(&at), "{at}");
    // A leak that is ended by being full runs full again.
    let (at, ..) = hours(&told(600, (0..210).map(|at| f64::from(at % 20) * 5.2), 100.0));
    assert!((1.0..3.0).contains(&at), "{at}");
}

#[test]
fn a_daily_cycle_is_taken_out_and_comes_back_in_the_moment() {
    let day = |quarter: i32| (f64::from(quarter) / 96.0 * std::f64::consts::TAU).sin() * 15.0;
    let grows = told(900, (0..4 * 96).map(|quarter| 40.0 + day(quarter) + f64::from(quarter) / 96.0 * 2.0), 80.0);
    let (at, ..) = hours(&grows);
    assert!(grows.daily_cycle);
    // Line and cycle together: 40 + 15 + 2 a day is 80 at the peak of the 13th day, 9 days after the last sample.
    assert!((at / 24.0 - 8.25).abs() < 1.0, "{}", at / 24.0);
    let flat = told(900, (0..4 * 96).map(|quarter| 40.0 + day(quarter)), 80.0);
    assert!(matches!(flat.outcome, Outcome::DoesNotFill { .. }), "{flat:?}");
}

#[test]
fn a_growth_that_began_of_late_counts_alone() {
    let later = (0..240).map(|minute| 20.0 + f64::from((minute - 180).max(0)) * 0.5 + f64::from(minute % 3) * 0.1);
    let (at, ..) = hours(&told(MINUTE, later, 100.0));
    assert!((at - (80.0 - 29.5) / 30.0).abs() < 0.1, "{at}");
}

/// The share of made-up courses whose true crossing lies in the interval.
fn covered(rest: impl Fn(&mut Noise, f64) -> f64) -> f64 {
    let mut noise = Noise(7);
    let mut inside = 0;
    for _ in 0..100 {
        let mut state = 0.0;
        let values: Vec<_> = (0..180)
            .map(|minute| {
                state = rest(&mut noise, state);
                20.0 + f64::from(minute) * 0.2 + state
            })
            .collect();
        // The line itself, without what chance adds to it, meets 100 at the 400th minute.
        let forecast = told(MINUTE, values, 100.0);
        if let Outcome::Fills { earliest, latest, .. } = forecast.outcome {
            let right = start() + TimeDelta::minutes(400);
            inside += i32::from(earliest <= right && latest.is_none_or(|latest| right <= latest));
        }
    }
    f64::from(inside) / 100.0
}

#[test]
fn the_interval_holds_what_it_says() {
    let white = covered(|noise, _| noise.normal() * 2.0);
    assert!(white >= 0.9, "white noise: {white}");
    let follows = covered(|noise, before| before * 0.8 + noise.normal());
    assert!(follows >= 0.85, "noise that follows itself: {follows}");
}

fn course() -> impl Strategy<Value = Vec<f64>> {
    (0.0..2.0_f64, prop::collection::vec(-8.0..8.0_f64, 30..120))
        .prop_map(|(slope, noise)| noise.iter().enumerate().map(|(at, noise)| at as f64 * slope + noise).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn no_moment_is_ever_in_the_past(values in course(), limit in -50.0..500.0_f64, late in 0..10_000_i64) {
        let (samples, last) = every(MINUTE, values);
        let now = last + TimeDelta::minutes(late);
        if let Outcome::Fills { at, earliest, latest } = forecast(&samples, limit, now).unwrap().outcome {
            prop_assert!(now <= earliest && earliest <= at && latest.is_none_or(|latest| at <= latest));
        }
    }

    #[test]
    fn another_unit_or_origin_of_the_value_changes_no_moment(values in course(), power in -8..8_i32, shift in -64..64_i32) {
        let (factor, shift) = (2.0_f64.powi(power), f64::from(shift) * 16.0);
        let plain = told(MINUTE, values.clone(), 150.0);
        let turned = told(MINUTE, values.iter().map(|value| (value + shift) * factor), (150.0 + shift) * factor);
        prop_assert!(alike(&plain, &turned, 1.0), "{plain:?} {turned:?}");
    }

    #[test]
    fn another_pace_or_origin_of_time_changes_the_moment_alike(values in course(), pace in 2..8_i32, days in -400..400_i64) {
        let plain = told(MINUTE, values.clone(), 150.0);
        let slower = told(MINUTE * i64::from(pace), values.clone(), 150.0);
        prop_assert!(alike(&plain, &slower, f64::from(pace)), "{plain:?} {slower:?}");
        let (mut samples, now) = every(MINUTE, values);
        samples.iter_mut().for_each(|sample| sample.at += TimeDelta::days(days));
        let shifted = forecast(&samples, 150.0, now + TimeDelta::days(days)).unwrap();
        prop_assert!(alike(&plain, &shifted, 1.0), "{plain:?} {shifted:?}");
    }

    #[test]
    fn noise_turned_upside_down_turns_the_error_around(noise in prop::collection::vec(-5.0..5.0_f64, 60..61)) {
        let slope = |sign: f64| {
            let values = noise.iter().enumerate().map(|(at, noise)| at as f64 + sign * noise);
            told(MINUTE, values, 1e6).trend.map(|trend| trend.per_hour - 60.0)
        };
        let (above, below) = (slope(1.0).unwrap(), slope(-1.0).unwrap());
        prop_assert!((above + below).abs() < 1e-6, "{above} {below}");
    }

    #[test]
    fn whatever_comes_is_answered(values in prop::collection::vec(any::<f64>(), 0..60), limit in any::<f64>()) {
        let (samples, now) = every(MINUTE, values);
        let answered = forecast(&samples, limit, now);
        prop_assert_eq!(answered.is_err(), !limit.is_finite());
    }
}

/// Whether two forecasts say the same, with times `pace` times as long in the second.
fn alike(a: &Forecast, b: &Forecast, pace: f64) -> bool {
    match (a.outcome, b.outcome) {
        (Outcome::Fills { .. }, Outcome::Fills { .. }) => {
            let ((at, early, late), (at_b, early_b, late_b)) = (hours(a), hours(b));
            let near = |a: f64, b: f64| (a * pace - b).abs() <= 1e-3 + 1e-6 * b.abs();
            near(at, at_b) && near(early, early_b) && late.zip(late_b).is_none_or(|(a, b)| near(a, b))
        }
        (a, b) => a == b,
    }
}
