//! `purecam bench`, and what it reads about a machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use purecam::measure::{Benchmark, Doubt, Machine, Process};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_purecam")).arg("bench").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn bench_measures_every_stage_of_the_requested_number_of_verdicts() {
    let output = bench(&["demo:", "--frames", "12", "--left-out", "3", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let benchmark: Benchmark = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(benchmark.verdicts, 12);
    let names: Vec<&str> = benchmark.ms.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["decode", "resize", "purify", "classify", "total", "age"]);
    for (name, quantiles) in &benchmark.ms {
        assert!(quantiles.p50 <= quantiles.p95 && quantiles.p95 <= quantiles.p99, "{name}: {quantiles:?}");
    }
    let purify = benchmark.series("purify").unwrap();
    assert!(purify.p50 > 0.0 && purify.p50 <= benchmark.series("total").unwrap().p50);
    assert!(benchmark.doubts.contains(&Doubt::FewVerdicts { verdicts: 12 }), "{:?}", benchmark.doubts);
    assert!(benchmark.cold_start_ms.unwrap() > 0.0 && benchmark.resident_bytes.unwrap() > 1 << 20);
}

#[test]
fn bench_fails_with_its_own_code_if_a_verdict_takes_longer_than_it_may() {
    let few = ["demo:", "--frames", "3", "--left-out", "0"];
    let strict = bench(&[&few[..], &["--max-p99-ms", "0.001"]].concat());
    assert_eq!(strict.status.code(), Some(3), "{}", text(&strict.stderr));
    assert!(text(&strict.stderr).contains("--max-p99-ms allows 0.00 ms"), "{}", text(&strict.stderr));
    let lax = bench(&[&few[..], &["--max-p99-ms", "600000"]].concat());
    assert_eq!(lax.status.code(), Some(0), "{}", text(&lax.stderr));
}

#[test]
fn a_seed_for_the_shipped_purifier_which_has_no_random_inputs_is_reported_once() {
    let few = ["demo:", "--frames", "3", "--left-out", "0"];
    let seeded = text(&bench(&[&few[..], &["--seed", "1"]].concat()).stderr);
    assert_eq!(seeded.matches("purifier.seed has no effect").count(), 1, "{seeded}");
    let unseeded = text(&bench(&few).stderr);
    assert!(!unseeded.contains("seed"), "{unseeded}");
}

#[test]
fn bench_shows_its_numbers_beside_earlier_ones_and_refuses_a_file_without_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = folder.path().join("earlier.json");
    let few = ["demo:", "--frames", "3", "--left-out", "0"];
    fs::write(&earlier, bench(&[&few[..], &["--json"]].concat()).stdout).unwrap();
    let compared = bench(&[&few[..], &["--compare", earlier.to_str().unwrap()]].concat());
    assert!(text(&compared.stdout).contains("p99 then"), "{}", text(&compared.stdout));
    fs::write(&earlier, "{}").unwrap();
    let refused = bench(&[&few[..], &["--compare", earlier.to_str().unwrap()]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("is not a result of 'purecam bench --json'"), "{}", text(&refused.stderr));
}

#[test]
fn bench_says_what_to_do_if_a_source_is_too_short() {
    let output = bench(&["file:tests/fixtures/grey.jpg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--left-out 0"), "{}", text(&output.stderr));
}

/// A file of a board's /sys or /proc.
fn put(root: &Path, file: &str, content: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The files of a Jetson board that purecam reads.
fn board(root: &Path, clock: u64, events: u64) {
    put(root, "proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0");
    put(root, "proc/meminfo", "MemTotal: 7802000 kB\nSwapTotal: 3900000 kB\nSwapFree: 3899000 kB\n");
    put(root, "proc/loadavg", "0.10 0.20 0.30 1/200 1234\n");
    for (cpu, kilohertz) in [(0, clock), (1, clock / 2)] {
        let folder = format!("sys/devices/system/cpu/cpu{cpu}/cpufreq");
        put(root, &format!("{folder}/scaling_cur_freq"), &format!("{kilohertz}\n"));
        put(root, &format!("{folder}/cpuinfo_max_freq"), "1510400\n");
        put(root, &format!("{folder}/scaling_governor"), "schedutil\n");
    }
    put(root, "sys/devices/system/cpu/cpufreq/boost", "1");
    put(root, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
    put(root, "sys/class/thermal/thermal_zone0/temp", "47500\n");
    put(root, "sys/class/thermal/thermal_zone1/type", "gpu-thermal\n");
    put(root, "sys/class/thermal/thermal_zone1/temp", "-256000\n");
    put(root, "sys/class/hwmon/hwmon3/oc1_event_cnt", &format!("{events}\n"));
}

#[test]
fn a_boards_temperature_clock_and_throttling_are_read_and_doubted() {
    let (cool, hot) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    board(cool.path(), 1_510_400, 2);
    board(hot.path(), 729_600, 5);
    let [before, after] = [cool.path(), hot.path()].map(Machine::read);
    assert_eq!(before.model.as_deref(), Some("NVIDIA Jetson Orin Nano Developer Kit"));
    assert_eq!((before.clock_mhz, before.clock_most_mhz, before.throttled), (Some(1510.4), Some(1510.4), Some(2)));
    let zones: Vec<(&str, f64)> = before.temperatures.iter().map(|zone| (zone.name.as_str(), zone.celsius)).collect();
    assert_eq!(zones, [("cpu-thermal", 47.5)], "a sensor that is switched off counts");
    let expected = [
        Doubt::Governor { governor: "schedutil".to_owned() },
        Doubt::ClockScaled { mhz: 729.6, most_mhz: 1510.4 },
        Doubt::Throttled { events: 3 },
        Doubt::Swap { bytes: 1000 << 10 },
    ];
    assert_eq!(Doubt::all(1000, &before, &after), expected);
}

#[test]
fn a_machine_that_shows_nothing_gives_no_doubts() {
    let empty = tempfile::tempdir().unwrap();
    let machine = Machine::read(empty.path());
    assert_eq!((machine.clock_mhz, machine.throttled, machine.swap_used), (None, None, 0));
    assert_eq!(Doubt::all(1000, &machine, &machine), []);
}

#[test]
fn a_process_with_brackets_in_its_name_is_read_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let stat = "42 (a) b) S 1 42 42 0 -1 4194560 900 0 7 0 250 50 0 0 20 0 6 0 12345 100000 2000";
    put(folder.path(), "stat", stat);
    put(folder.path(), "status", "Name:\ta\nVmHWM:\t   9000 kB\nVmRSS:\t   8000 kB\n");
    let process = Process::read(folder.path()).unwrap();
    assert_eq!((process.cpu.as_millis(), process.threads, process.major_faults), (3000, 6, 7));
    assert_eq!((process.resident, process.resident_peak), (8000 << 10, 9000 << 10));
    assert_eq!(process.started.as_millis(), 123_450);
}
