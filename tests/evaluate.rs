//! Evaluating and attacking with the small networks of `tests/fixtures/make_gradients.py`.
#![cfg(feature = "training")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::prelude::*;
use image::RgbImage;
use purecam::engine::Description;
use purecam::engine::contract::Label;
use purecam::workshop::attack::{Attack, AttackSpec, Epsilon};
use purecam::workshop::evaluate::{
    EngineUnderTest, Error, Model, Pairing, Photograph, Protocol, Record, Report, Results, Subjects, evaluate,
    photographs,
};

const SIDE: u32 = 24;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn subjects(purifier: Option<&str>) -> Subjects {
    let said = Description::default();
    Subjects::open(&fixture("residual.onnx"), &said, purifier.map(fixture).as_deref(), &Device::flex(), &3.into())
        .unwrap()
}

/// A picture of waves, different for each number.
fn picture(number: u32) -> RgbImage {
    let wave = |x: u32, y: u32, channel: u32| {
        let phase = (x * (1 + number % 5) + y * (1 + number % 3) + 7 * channel * number) as f32 * 0.21;
        (127.0 + 110.0 * phase.sin()) as u8
    };
    RgbImage::from_fn(SIDE, SIDE, |x, y| image::Rgb([wave(x, y, 0), wave(x, y, 1), wave(x, y, 2)]))
}

/// Twenty photographs in folders named after the classes that the classifier finds, one of them in a wrong folder, and
/// a corrupt one.
fn photograph_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut engine =
        EngineUnderTest::load(&fixture("residual.onnx"), &Description::default(), None, &0.into()).unwrap();
    for number in 0..20 {
        let picture = picture(number);
        let planes: Vec<f32> =
            (0..3).flat_map(|channel| picture.pixels().map(move |pixel| f32::from(pixel[channel]) / 255.0)).collect();
        let found = engine.classify(&planes).unwrap()[0].class.unwrap();
        let class = if number == 7 { (found + 1) % 5 } else { found };
        let class = folder.path().join(format!("n0000000{class}"));
        std::fs::create_dir_all(&class).unwrap();
        picture.save(class.join(format!("{number:02}.png"))).unwrap();
        if number == 0 {
            std::fs::write(class.join("corrupt.jpg"), b"\xff\xd8\xff not a photograph").unwrap();
        }
    }
    folder
}

fn protocol(all: bool) -> Protocol {
    let attack = |text: &str| -> Attack { text.parse::<AttackSpec>().unwrap().or(Epsilon::steps(8)) };
    Protocol {
        transfer: vec![attack("fgsm"), attack("pgd:2")],
        adaptive: vec![attack("pgd:2")],
        eot: 2,
        among: None,
        jpeg: None,
        camera: false,
        strength: None,
        all,
        seed: 3,
    }
}

fn run(subjects: &mut Subjects, photographs: &[Photograph], protocol: &Protocol, results: &mut Results) -> Report {
    evaluate(subjects, photographs, protocol, results, |_| {}).unwrap();
    let model = Model { file: "residual.onnx".into(), sha256: String::new() };
    let purifier = subjects.purifier.as_ref().map(|_| Model { file: "purifier.onnx".into(), sha256: String::new() });
    Report::new("data".into(), model, purifier, subjects.pairing, protocol, photographs, results)
}

fn list(folder: &Path, subjects: &Subjects) -> Vec<Photograph> {
    photographs::list(folder, subjects.classifier.labels(), None).unwrap()
}

#[test]
fn only_photographs_that_the_classifier_gets_right_are_attacked_unless_all_are_requested() {
    let (folder, mut subjects) = (photograph_folder(), subjects(Some("purifier.onnx")));
    let photographs = list(folder.path(), &subjects);
    let right = run(&mut subjects, &photographs, &protocol(false), &mut Results::in_memory());
    assert_eq!((right.photographs, right.counted, right.classifier_clean.right), (20, 19, 19));
    assert_eq!(right.transfer[0].without_purifier.right, 19, "none of them is wrong before the attack");
    let all = run(&mut subjects, &photographs, &protocol(true), &mut Results::in_memory());
    assert_eq!((all.counted, all.transfer[0].without_purifier.right), (20, 19));
}

#[test]
fn a_classifier_of_many_labels_is_refused_with_what_it_declares() {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, (0..10).map(|class| format!("class {class}\n")).collect::<String>()).unwrap();
    let said = Description {
        labels: Some(labels),
        mean: Some([0.0; 3]),
        std: Some([1.0; 3]),
        range: Some(purecam::engine::Range::Unit),
        layout: Some(purecam::engine::contract::Layout::Nchw),
        colour: Some(purecam::engine::contract::Colour::Rgb),
        output: Some(purecam::engine::ForeignOutput::Sigmoid),
        ..Description::default()
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/ten-sigmoid-outputs.onnx");
    let error = EngineUnderTest::load(&file, &said, None, &0.into()).err().expect("refused").to_string();
    assert!(error.contains("ten-sigmoid-outputs.onnx") && error.contains("\"sigmoid\""), "{error}");
}

#[test]
fn only_the_classes_that_have_a_folder_compete_if_that_is_requested() {
    let (folder, mut subjects) = (photograph_folder(), subjects(None));
    let photographs = list(folder.path(), &subjects);
    let classes = photographs::classes(&photographs);
    let absent: Vec<usize> = (0..5).filter(|class| !classes.contains(class)).collect();
    assert!(!classes.is_empty() && classes.is_sorted());
    // With the classes of the folders alone no photograph is given another one, attacked or not.
    let protocol = Protocol { among: Some(classes.clone()), ..protocol(true) };
    let mut results = Results::in_memory();
    run(&mut subjects, &photographs, &protocol, &mut results);
    for photograph in &photographs {
        let seen = results.get(&photograph.name).unwrap().raw.values().flatten();
        assert!(seen.clone().all(|class| classes.contains(class) && !absent.contains(class)));
    }
    // A single class always wins.
    let alone = Protocol { among: Some(vec![photographs[0].class]), ..protocol };
    let mut results = Results::in_memory();
    run(&mut subjects, &photographs[..1], &alone, &mut results);
    let record = results.get(&photographs[0].name).unwrap();
    assert!(record.skipped.is_some() || record.raw.values().all(|class| *class == Some(photographs[0].class)));
}

#[test]
fn jpeg_between_attack_and_defence_changes_what_the_purifier_sees_and_is_said() {
    let (folder, mut subjects) = (photograph_folder(), subjects(Some("purifier.onnx")));
    let photographs = list(folder.path(), &subjects);
    let plain = run(&mut subjects, &photographs, &protocol(true), &mut Results::in_memory());
    let protocol = Protocol { jpeg: Some(10), ..protocol(true) };
    let coarse = run(&mut subjects, &photographs, &protocol, &mut Results::in_memory());
    assert_eq!(
        plain.transfer[0].without_purifier, coarse.transfer[0].without_purifier,
        "the classifier sees the original"
    );
    assert_ne!(plain.transfer[0].psnr, coarse.transfer[0].psnr);
    assert!(coarse.table().contains("JPEG of quality 10") && !plain.table().contains("JPEG of quality"));
    // The same JPEG of a larger picture takes less away.
    let protocol = Protocol { camera: true, ..protocol };
    let seen = run(&mut subjects, &photographs, &protocol, &mut Results::in_memory());
    let clean = |report: &Report| report.transfer[0].psnr;
    assert!(clean(&seen) != clean(&coarse) && clean(&seen) != clean(&plain));
    assert!(seen.table().contains("camera with 640 x 480 pixels"));
}

#[test]
fn a_report_separates_matched_agnostic_and_unknown_purifiers() {
    let (shipped, fixture) = (Path::new("models").join("purifier-edge-128.onnx"), fixture("purifier.onnx"));
    let partners = |path: &Path| purecam::engine::Purifier::load(path, 0).unwrap().partners().map(<[String]>::to_vec);
    let known = partners(&shipped).expect("the shipped purifier names its partners");
    let classifier = |sha256: &str| Model { file: "classifier.onnx".into(), sha256: sha256.to_owned() };
    assert_eq!(Pairing::of(&known, &classifier(&known[0])), Pairing::Matched);
    assert_eq!(Pairing::of(&known, &classifier(&"0".repeat(64))), Pairing::Agnostic);
    assert_eq!(partners(&fixture), None);
}

#[test]
fn a_corrupt_photograph_is_counted_and_named_and_stops_nothing() {
    let (folder, mut subjects) = (photograph_folder(), subjects(None));
    let photographs = list(folder.path(), &subjects);
    let report = run(&mut subjects, &photographs, &protocol(false), &mut Results::in_memory());
    assert!(matches!(&report.skipped[..], [(name, _)] if name.ends_with("corrupt.jpg")), "{:?}", report.skipped);
    assert!(report.table().contains("corrupt.jpg"));
}

#[test]
fn transfer_attacks_do_not_depend_on_the_purifier() {
    let (folder, mut with, mut without) = (photograph_folder(), subjects(Some("purifier.onnx")), subjects(None));
    let photographs = list(folder.path(), &with);
    let (mut purified, mut plain) = (Results::in_memory(), Results::in_memory());
    run(&mut with, &photographs, &protocol(false), &mut purified);
    run(&mut without, &photographs, &protocol(false), &mut plain);
    let raw = |results: &Results| {
        photographs.iter().map(|one| results.get(&one.name).unwrap().raw.clone()).collect::<Vec<_>>()
    };
    assert_eq!(raw(&purified), raw(&plain));
    assert!(purified.get(&photographs[0].name).unwrap().purified.len() == 3);
}

/// Opens results that were closed just now. Between its fork and its exec, a child process of another test holds all
/// files of this process, locks included.
fn reopen(folder: &Path, header: &serde_json::Value) -> Results {
    let mut attempts = 0..1000;
    loop {
        match Results::open(folder, header) {
            Err(Error::Results { .. }) if attempts.next().is_some() => std::thread::yield_now(),
            outcome => return outcome.unwrap(),
        }
    }
}

#[test]
fn a_killed_run_ends_with_the_results_of_an_undisturbed_one() {
    let (folder, mut subjects) = (photograph_folder(), subjects(Some("purifier.onnx")));
    let (photographs, out) = (list(folder.path(), &subjects), tempfile::tempdir().unwrap());
    let header = serde_json::json!({});
    let whole = run(&mut subjects, &photographs, &protocol(false), &mut Results::open(out.path(), &header).unwrap());
    let file = out.path().join("results.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    // A kill in the middle of the sixth line.
    let cut = text.match_indices('\n').nth(4).unwrap().0 + 20;
    std::fs::write(&file, &text[..cut]).unwrap();
    let mut results = reopen(out.path(), &header);
    assert!(photographs.iter().filter(|one| results.get(&one.name).is_some()).count() == 4);
    let resumed = run(&mut subjects, &photographs, &protocol(false), &mut results);
    assert_eq!(serde_json::json!(resumed), serde_json::json!(whole));
    let lines =
        |text: &str| -> Vec<Record> { text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect() };
    assert_eq!(lines(&std::fs::read_to_string(&file).unwrap()), lines(&text));
}

#[test]
fn transfer_and_adaptive_numbers_are_in_separate_tables() {
    let (folder, mut subjects) = (photograph_folder(), subjects(Some("purifier.onnx")));
    let photographs = list(folder.path(), &subjects);
    let table = run(&mut subjects, &photographs, &protocol(false), &mut Results::in_memory()).table();
    let (transfer, adaptive) = table.split_once("\nAdaptive: ").unwrap();
    assert!(transfer.contains("PSNR") && transfer.contains("fgsm@8/255"), "{table}");
    assert!(adaptive.contains("averaged over 2 draws") && !adaptive.contains("fgsm"), "{table}");
}

#[test]
fn a_purifier_is_refused_as_a_classifier_and_a_classifier_as_a_purifier() {
    let open = |classifier: &str, purifier: &str| {
        let said = Description::default();
        Subjects::open(&fixture(classifier), &said, Some(&fixture(purifier)), &Device::flex(), &0.into())
            .map(|_| ())
            .unwrap_err()
    };
    for (classifier, purifier, named) in [
        ("purifier.onnx", "purifier.onnx", "purifier.onnx"),
        ("residual.onnx", "residual.onnx", "residual.onnx"),
        ("inverted.onnx", "purifier.onnx", "[classifier]"),
        ("residual.onnx", "missing.onnx", "missing.onnx"),
    ] {
        let error = open(classifier, purifier);
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(named), "{error}");
    }
}

fn purecam(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_purecam")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn attack_writes_png_files_in_the_layout_of_the_photographs_and_leaves_other_folders_alone() {
    let (folder, out) = (photograph_folder(), tempfile::tempdir().unwrap());
    let [data, out] = [folder.path().to_str().unwrap(), out.path().to_str().unwrap()];
    let classifier = fixture("residual.onnx");
    let run = |attack: &str| {
        purecam(&[
            "attack",
            data,
            "--classifier",
            classifier.to_str().unwrap(),
            "--attack",
            attack,
            "--out",
            out,
            "--device",
            "cpu",
        ])
    };
    let first = run("pgd:2@8/255");
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).starts_with("20 adversarial pictures") && text(&first.stderr).contains("corrupt.jpg"));
    let photographs = list(folder.path(), &subjects(None));
    for photograph in photographs.iter().filter(|one| !one.name.ends_with("jpg")) {
        let clean = image::open(&photograph.path).unwrap().into_rgb8();
        let adversarial = image::open(Path::new(out).join(&photograph.name)).unwrap().into_rgb8();
        let distance = clean.as_raw().iter().zip(adversarial.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!((1..=8).contains(&distance), "{}: {distance}", photograph.name);
    }
    assert!(run("pgd:2@8/255").status.success(), "the same attack again");
    let other = run("fgsm");
    assert_eq!(other.status.code(), Some(2));
    assert!(
        text(&other.stderr).contains("another attack") && text(&other.stderr).contains("fgsm"),
        "{}",
        text(&other.stderr)
    );
}

#[test]
fn hidden_files_and_folders_are_no_photographs() {
    let (folder, subjects) = (photograph_folder(), subjects(None));
    let before = list(folder.path(), &subjects);
    let class = Path::new(&before[0].name).parent().unwrap().to_owned();
    std::fs::write(folder.path().join(".DS_Store"), b"Bud1").unwrap();
    std::fs::create_dir(folder.path().join(".thumbnails")).unwrap();
    picture(1).save(folder.path().join(".thumbnails/00.png")).unwrap();
    std::fs::write(folder.path().join(&class).join("._00.png"), b"\0\x05\x16\x07").unwrap();
    std::fs::create_dir(folder.path().join(&class).join(".AppleDouble")).unwrap();
    assert_eq!(list(folder.path(), &subjects), before);
}

#[test]
fn photographs_with_names_that_are_not_utf_8_are_measured_and_attacked_under_names_of_their_own() {
    use std::os::unix::ffi::OsStrExt;
    let odd = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
    let folder = photograph_folder();
    let class = list(folder.path(), &subjects(None))[0].path.parent().unwrap().to_owned();
    for name in [b"a\xFE.png", b"a\xFF.png"] {
        picture(3).save(folder.path().join("picture.png")).unwrap();
        std::fs::rename(folder.path().join("picture.png"), class.join(odd(name))).unwrap();
    }
    let names: Vec<String> = list(folder.path(), &subjects(None)).into_iter().map(|one| one.name).collect();
    let in_class = class.file_name().unwrap().to_str().unwrap();
    for name in ["a\\xfe.png", "a\\xff.png"] {
        assert!(names.contains(&format!("{in_class}/{name}")), "{names:?}");
    }
    let out = folder.path().join(odd(b"o\xFF"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["attack", "--attack", "fgsm", "--device", "cpu", "--json", "--classifier"]);
    command.arg(fixture("residual.onnx")).arg("--out").arg(&out).arg(folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (said["written"].as_u64(), said["out"].as_str().unwrap().ends_with("o\\xff")),
        (Some(22), true),
        "{said}"
    );
    assert!(out.join(in_class).join("a\\xff.png").exists());
    // The data, and the results, may be in such a folder too.
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["evaluate", "--transfer", "fgsm", "--adaptive", "", "--no-purifier", "--device", "cpu", "--json"]);
    command.arg("--classifier").arg(fixture("residual.onnx")).arg(&out);
    let output = command.arg("--out").arg(folder.path().join(odd(b"r\xFF"))).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["photographs"], 22);
    assert!(folder.path().join(odd(b"r\xFF")).join("table.txt").exists());
}

#[test]
fn two_classes_of_one_name_and_folders_that_could_be_either_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["crane", "other"] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
        picture(0).save(folder.path().join(class).join("a.png")).unwrap();
    }
    let label = |label: &str, wnid: Option<&str>| Label { label: label.into(), wnid: wnid.map(str::to_owned) };
    let refused = |labels: &[Label]| photographs::list(folder.path(), labels, None).unwrap_err().to_string();
    let said = refused(&[label("other", None), label("crane", None), label(" Crane", None)]);
    assert!(said.contains("the classes 1 and 2 have one name, ' Crane'") && said.contains("rename one"), "{said}");
    let cranes = [label("crane", Some("n02012849")), label("crane", Some("n03126707")), label("other", None)];
    let said = refused(&cranes);
    assert!(said.contains("'crane' could be the class n02012849 (crane) or n03126707 (crane)"), "{said}");
    std::fs::rename(folder.path().join("crane"), folder.path().join("n03126707")).unwrap();
    let found = photographs::list(folder.path(), &cranes, None).unwrap();
    assert_eq!(found.iter().map(|one| one.class).collect::<Vec<_>>(), [1, 2]);
    std::fs::remove_file(folder.path().join("other/a.png")).unwrap();
    let said = refused(&cranes);
    assert!(said.contains("other: this class has no image"), "{said}");
}

#[test]
fn a_labels_file_with_a_name_twice_is_refused_by_evaluate() {
    let folder = photograph_folder();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("labels.txt"), "n00000000\nn00000001\ncrane\nn00000003\ncrane\n").unwrap();
    let table = "[classifier]\nlabels = 'labels.txt'\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nrange = '0..1'\nlayout = 'NCHW'\n\
                 colour = 'rgb'\noutput = 'probabilities'\nsize = [24, 24]\n";
    std::fs::write(home.path().join("purecam.toml"), table).unwrap();
    let config = home.path().join("purecam.toml");
    let foreign = fixture("inverted.onnx");
    let output = purecam(&[
        "evaluate",
        folder.path().to_str().unwrap(),
        "--no-purifier",
        "--classifier",
        foreign.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--device",
        "cpu",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("the classes 2 and 4 have one name, 'crane'"), "{said}");
}

#[test]
fn empty_lists_of_attacks_are_no_attacks() {
    let folder = photograph_folder();
    let (data, classifier) = (folder.path().to_str().unwrap(), fixture("residual.onnx"));
    let models = ["--classifier", classifier.to_str().unwrap(), "--no-purifier", "--device", "cpu"];
    let none = ["--transfer", "", "--adaptive", "", "--json"];
    let output = purecam(&[&["evaluate", data][..], &models, &none].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["protocol"]["transfer"], serde_json::json!([]));
    assert_eq!(
        (report["transfer"].as_array().unwrap().len(), report["transfer"][0]["attack"].as_str()),
        (1, Some("clean"))
    );
    assert_eq!(report["adaptive"], serde_json::json!([]));
}

#[test]
fn attacks_and_sizes_that_do_not_exist_are_refused_with_what_was_expected() {
    for (flag, value, expected) in [
        ("--transfer", "fgsm,cw", "pgd:STEPS"),
        ("--adaptive", "pgd:0", "from 1 to 10000"),
        ("--adaptive", "pgd:9x0", "from 1 to 100"),
        ("--transfer", "mi-fgsm:9x2", "no restarts"),
        ("--adaptive", "pgd:2@17", "4/255"),
    ] {
        let output = purecam(&["evaluate", "nowhere", flag, value]);
        assert_eq!(output.status.code(), Some(2));
        let stderr = text(&output.stderr);
        assert!(stderr.contains(flag) && stderr.contains(expected), "{stderr}");
    }
    for (flag, value, expected) in [("--attack", "cw", "@EPSILON"), ("--epsilon", "16", "4/255")] {
        let output = purecam(&["attack", "nowhere", "--out", "nowhere", flag, value]);
        assert_eq!(output.status.code(), Some(2));
        let stderr = text(&output.stderr);
        assert!(stderr.contains(flag) && stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_loss_of_ranked_logits_needs_as_many_classes_as_it_compares() {
    let folder = photograph_folder();
    let mut classes: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for class in classes.split_off(2) {
        std::fs::remove_dir_all(class).unwrap();
    }
    let (data, classifier) = (folder.path().to_str().unwrap(), fixture("residual.onnx"));
    let models = ["--classifier", classifier.to_str().unwrap(), "--no-purifier", "--device", "cpu", "--folders-only"];
    let output = purecam(&[&["evaluate", data, "--adaptive", "apgd-t:5"][..], &models].concat());
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("apgd-t:5") && said.contains("at least 4, found 2"), "{said}");
}

#[test]
fn a_self_check_stands_below_the_tables_and_in_the_report() {
    let (folder, out) = (photograph_folder(), tempfile::tempdir().unwrap());
    let (classifier, purifier) = (fixture("residual.onnx"), fixture("purifier.onnx"));
    let models = ["--classifier", classifier.to_str().unwrap(), "--purifier", purifier.to_str().unwrap()];
    let attacks = ["--transfer", "", "--adaptive", "pgd:2@4/255", "--self-check", "--device", "cpu", "--json", "--out"];
    let (data, out) = (folder.path().to_str().unwrap(), out.path().to_str().unwrap());
    let output = purecam(&[&["evaluate", data][..], &models, &attacks, &[out]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = report["self_check"]["items"].as_array().unwrap();
    let holds = |expected: &str| {
        items.iter().find(|item| item["expected"].as_str().unwrap().contains(expected)).unwrap()["holds"] == true
    };
    // The fixture's purifier draws noise, and one draw is the default.
    assert!(!holds("--eot"), "{items:?}");
    assert!(holds("many steps") && holds("logits, not probabilities") && holds("neither vanish"), "{items:?}");
    assert!(items.iter().any(|item| item["expected"].as_str().unwrap().contains("identity")), "{items:?}");
    let table = std::fs::read_to_string(Path::new(out).join("table.txt")).unwrap();
    let row = table.lines().find(|line| line.contains("pgd:2@4/255")).unwrap();
    assert!(row.ends_with(" !") && table.contains("FAILS  a defence with randomness"), "{table}");
}

#[test]
fn evaluate_writes_table_and_report_and_refuses_a_folder_of_other_settings() {
    let (folder, out) = (photograph_folder(), tempfile::tempdir().unwrap());
    let [data, out] = [folder.path().to_str().unwrap(), out.path().to_str().unwrap()];
    let (classifier, purifier) = (fixture("residual.onnx"), fixture("purifier.onnx"));
    let run = |seed: &str| {
        let models =
            ["--classifier", classifier.to_str().unwrap(), "--purifier", purifier.to_str().unwrap(), "--seed", seed];
        let rest = ["--transfer", "fgsm", "--adaptive", "pgd:2@4/255", "--out", out, "--device", "cpu", "--json"];
        purecam(&[&["evaluate", data][..], &models, &rest].concat())
    };
    let first = run("1");
    assert!(first.status.success(), "{}", text(&first.stderr));
    let report: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(report["counted"], 19);
    assert_eq!(report["adaptive"][0]["attack"], "pgd:2@4/255");
    let written = std::fs::read_to_string(Path::new(out).join("report.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), report);
    assert!(Path::new(out).join("table.txt").exists());
    let other = run("2");
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("another evaluation"), "{}", text(&other.stderr));
}
