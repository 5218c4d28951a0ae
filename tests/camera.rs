//! The camera source on a fake driver: every fault that a driver can show, every trap, and which camera and mode is
//! chosen.
#![cfg(target_os = "linux")]

#[path = "fakes/camera.rs"]
mod fakes;

use std::time::Duration;

use fakes::{Act, METADATA, Shot, Viewer, World, at_once, pause, shot};
use purecam::frame::Frame;
use purecam::source::camera::{
    Agreed, Availability, Capability, Fraction, Intervals, Linux, Machine, PixelFormat, Sizes, Wanted, Which, probe,
};
use purecam::source::{Camera, Fault, FrameRate, Offer, Reason, SkipCause, Skipped, SourceError};
use purecam::time::{Clock, SystemClock};
use v4l::FourCC;

/// YUYV of 16 x 4: one luminance, no colours.
fn grey(luminance: u8) -> Vec<u8> {
    [luminance, 128].repeat(16 * 4)
}

/// The first pixel of what [`grey`] becomes: 16 is black, 235 is white.
fn brightness(frame: &Frame) -> u8 {
    frame.picture.rgb[0]
}

fn stamped(luminance: u8, stamp: Duration) -> Act {
    Act::Frame(Shot { bytes: grey(luminance), stamp: Some(stamp), ..Shot::default() })
}

fn numbered(sequence: u32) -> Act {
    Act::Frame(Shot { bytes: grey(16), sequence: Some(sequence), ..Shot::default() })
}

fn skipped(offer: Offer) -> Skipped {
    match offer {
        Offer::Skipped(skipped) => skipped,
        other => panic!("expected a skipped frame, found {other:?}"),
    }
}

#[test]
fn a_frame_comes_with_its_pixels_its_number_and_its_time() {
    let world = World::with([pause(100), stamped(235, Duration::from_millis(1_000_060))]);
    let mut viewer = Viewer::of(&world);
    let before = world.clock.wall();
    let frame = viewer.next();
    assert_eq!((frame.picture.width, frame.picture.height), (16, 4));
    assert_eq!(frame.picture.rgb, vec![255; 16 * 4 * 3]);
    assert_eq!(frame.sequence, 0);
    assert_eq!(frame.captured, Duration::from_millis(1_000_060));
    assert_eq!(frame.captured_at, before + Duration::from_millis(60));
    assert_eq!(viewer.source.rate(), Some(30.0));
}

#[test]
fn of_frames_that_have_piled_up_only_the_newest_is_offered_and_the_others_are_counted() {
    let world = World::with([shot(grey(16)), shot(grey(100)), shot(grey(235)), pause(33), shot(grey(16))]);
    let mut viewer = Viewer::of(&world);
    assert_eq!(brightness(viewer.next()), 255);
    assert_eq!(viewer.frame.sequence, 2);
    assert_eq!(viewer.source.missed(), 2);
    assert_eq!(brightness(viewer.next()), 0);
    assert_eq!((viewer.frame.sequence, viewer.source.missed()), (3, 2));
}

#[test]
fn when_every_buffer_was_full_a_further_frame_is_waited_for_because_these_may_be_old() {
    let full = [shot(grey(16)), shot(grey(16)), shot(grey(16)), shot(grey(16))];
    let world = World::with(full.into_iter().chain([pause(20), shot(grey(235))]));
    let mut viewer = Viewer::of(&world);
    assert_eq!(brightness(viewer.next()), 255);
    assert_eq!(viewer.frame.captured, Duration::from_millis(1_000_020));
    assert_eq!(viewer.source.missed(), 4);
}

#[test]
fn a_camera_that_fills_buffers_without_end_still_gives_frames() {
    let world = World::with((0..1000).map(|_| shot(grey(235))));
    let mut viewer = Viewer::of(&world);
    for _ in 0..20 {
        viewer.next();
    }
}

#[test]
fn a_camera_that_gives_nothing_has_timed_out_after_two_seconds_and_the_first_frame_may_take_four() {
    let world = World::with([pause(3900), shot(grey(16)), pause(1900), shot(grey(16))]);
    let mut viewer = Viewer::of(&world);
    viewer.next();
    viewer.next();
    let before = world.clock.now();
    let fault = viewer.fault();
    assert_eq!(fault.reason, Reason::TimedOut);
    assert!(fault.detail.contains("no frame for 2.0 s"), "{fault}");
    assert_eq!(world.clock.now() - before, Duration::from_secs(2));
    assert!(world.fake(0).longest_wait <= Duration::from_millis(100));
}

#[test]
fn a_slow_camera_may_take_four_of_its_intervals() {
    let world = World::with([shot(grey(16)), pause(7900), shot(grey(16))]);
    world.fake(0).intervals = Intervals::List(vec![Fraction { numerator: 2, denominator: 1 }]);
    let mut viewer = Viewer::of(&world);
    viewer.next();
    viewer.next();
    let before = world.clock.now();
    assert_eq!(viewer.reason(), Reason::TimedOut);
    assert_eq!(world.clock.now() - before, Duration::from_secs(8));
}

#[test]
fn a_camera_that_claims_an_hour_between_frames_is_not_waited_for_so_long() {
    let world = World::with([]);
    world.fake(0).intervals = Intervals::List(vec![Fraction { numerator: 3600, denominator: 1 }]);
    let before = world.clock.now();
    assert_eq!(Viewer::of(&world).reason(), Reason::TimedOut);
    assert_eq!(world.clock.now() - before, Duration::from_secs(120));
}

#[test]
fn after_a_time_out_no_buffer_is_queued_twice_and_the_camera_can_be_opened_again() {
    let world = World::with([shot(grey(16))]);
    let mut open = world.opener(Which::First, at_once());
    let mut viewer = Viewer { source: open().unwrap(), frame: Frame::default(), stop: world.stop.clone() };
    viewer.next();
    assert_eq!(viewer.reason(), Reason::TimedOut);
    assert_eq!(viewer.reason(), Reason::TimedOut, "a broken stream says again why it is broken, and does nothing else");
    drop(viewer.source);
    assert_eq!(world.open_devices(0), 0);
    world.fake(0).script.push_back(shot(grey(235)));
    viewer.source = open().unwrap();
    assert_eq!(brightness(viewer.next()), 255);
    assert_eq!(world.times(0, "queued twice"), 0);
}

#[test]
fn an_interrupted_wait_goes_on_with_the_rest_of_its_time() {
    let interrupted = [Act::WaitFails(libc::EINTR), pause(90), Act::DequeueFails(libc::EINTR)];
    let script = (0..10).flat_map(|_| interrupted.clone()).chain([shot(grey(235))]);
    let world = World::with(script);
    let mut viewer = Viewer::of(&world);
    assert_eq!(brightness(viewer.next()), 255);
    world.fake(0).script.extend((0..100).flat_map(|_| [Act::WaitFails(libc::EINTR), pause(90)]));
    assert_eq!(viewer.reason(), Reason::TimedOut);
    assert_eq!(world.times(0, "queued twice"), 0);
}

#[test]
fn a_driver_that_wakes_its_caller_for_nothing_is_not_asked_in_a_busy_loop() {
    let world = World::with([shot(grey(16)), Act::Complains]);
    let mut viewer = Viewer::of(&world);
    viewer.next();
    let before = world.times(0, "dequeue");
    assert_eq!(viewer.reason(), Reason::TimedOut);
    assert!(world.times(0, "dequeue") - before <= 201, "{}", world.times(0, "dequeue"));
}

#[test]
fn the_request_to_end_is_noticed_while_the_camera_gives_nothing() {
    let world = World::with([Act::Stop]);
    assert_eq!(Viewer::of(&world).offer().unwrap(), Offer::Ended);
}

#[test]
fn a_flagged_an_empty_a_short_and_an_overlong_frame_are_skipped_each_by_its_cause() {
    let mut bytes = grey(16);
    bytes.pop();
    let script = [
        Act::Frame(Shot { bytes: grey(16), flagged: true, ..Shot::default() }),
        shot(Vec::new()),
        shot(bytes),
        Act::Frame(Shot { bytes: grey(16), bytes_used: Some(1 << 20), ..Shot::default() }),
        pause(33),
        shot(grey(235)),
    ];
    let world = World::with(script);
    let mut viewer = Viewer::of(&world);
    let causes = [SkipCause::Flagged, SkipCause::Short, SkipCause::Short, SkipCause::Corrupt];
    for (number, cause) in causes.into_iter().enumerate() {
        let skipped = skipped(viewer.offer().unwrap());
        assert_eq!(skipped.cause, cause);
        assert!(skipped.problem.starts_with(&format!("frame {number} ")), "{}", skipped.problem);
    }
    assert_eq!(brightness(viewer.next()), 255);
    assert_eq!((viewer.frame.sequence, viewer.source.missed()), (4, 0));
}

#[test]
fn a_good_frame_is_not_lost_when_a_spoilt_one_follows_it() {
    let world = World::with([shot(grey(235)), Act::Frame(Shot { bytes: grey(16), flagged: true, ..Shot::default() })]);
    let mut viewer = Viewer::of(&world);
    assert_eq!(skipped(viewer.offer().unwrap()).cause, SkipCause::Flagged);
    assert_eq!(brightness(viewer.next()), 255);
}

#[test]
fn a_camera_that_gives_nothing_but_spoilt_frames_is_opened_again() {
    let world = World::with((0..100).flat_map(|_| [shot(Vec::new()), pause(33)]));
    let mut viewer = Viewer::of(&world);
    let fault = (0..60).find_map(|_| match viewer.offer() {
        Ok(Offer::Skipped(_)) => None,
        Err(SourceError::Camera(fault)) => Some(fault),
        other => panic!("{other:?}"),
    });
    let fault = fault.expect("sixty spoilt frames are enough");
    assert_eq!(fault.reason, Reason::Format);
    assert!(fault.detail.contains("60 frames in a row"), "{fault}");
}

#[test]
fn frames_are_let_go_after_every_opening_until_the_exposure_has_settled() {
    let world = World::with([]);
    let mut open = world.opener(Which::First, Wanted { skip_frames: Some(2), ..Wanted::default() });
    for _ in 0..2 {
        world.fake(0).script.extend([shot(grey(16)), pause(33), shot(grey(16)), pause(33), shot(grey(235))]);
        let mut viewer = Viewer { source: open().unwrap(), frame: Frame::default(), stop: world.stop.clone() };
        // Its owner hears of each frame: a thousand of them do not look like a hang.
        assert_eq!([viewer.offer().unwrap(), viewer.offer().unwrap()], [Offer::Settling, Offer::Settling]);
        assert_eq!(brightness(viewer.next()), 255);
    }
}

#[test]
fn an_error_of_the_driver_is_answered_by_one_restart_of_the_stream() {
    for code in [libc::EIO, libc::EINVAL] {
        let world = World::with([shot(grey(16)), pause(33), Act::FailsUntilStopped(code), shot(grey(235))]);
        let mut viewer = Viewer::of(&world);
        viewer.next();
        assert_eq!(brightness(viewer.next()), 255);
        assert_eq!(viewer.frame.sequence, 1, "numbers go on over a restart");
        assert_eq!((world.times(0, "start"), world.times(0, "queued twice")), (2, 0));
    }
}

#[test]
fn an_error_for_ever_is_a_fault_after_one_restart_and_costs_no_busy_loop() {
    let world = World::with([Act::FailsForEver(libc::EIO)]);
    let mut viewer = Viewer::of(&world);
    assert_eq!(viewer.reason(), Reason::Io);
    assert_eq!(viewer.reason(), Reason::Io);
    assert_eq!((world.times(0, "start"), world.times(0, "dequeue")), (2, 2));
}

#[test]
fn a_camera_that_fails_every_few_frames_is_not_restarted_for_ever() {
    let failing = [shot(grey(16)), pause(33), Act::FailsUntilStopped(libc::EIO)];
    let world = World::with((0..10).flat_map(|_| failing.clone()));
    let mut viewer = Viewer::of(&world);
    viewer.next();
    viewer.next();
    assert_eq!(viewer.reason(), Reason::Io);
}

#[test]
fn one_refusal_to_start_is_forgiven_and_two_are_a_fault() {
    let world = World::with([shot(grey(235))]);
    world.fake(0).fail("start", &[libc::EINVAL]);
    assert_eq!(brightness(Viewer::of(&world).next()), 255);
    assert_eq!(world.times(0, "queued twice"), 0);

    let world = World::with([]);
    world.fake(0).fail("start", &[libc::EINVAL, libc::EINVAL]);
    assert_eq!(world.fault_of_opening().reason, Reason::Refused);
    assert_eq!(world.open_devices(0), 0);
}

#[test]
fn a_usb_bus_without_bandwidth_is_named_with_what_helps() {
    let world = World::with([]);
    world.fake(0).fail("start", &[libc::ENOSPC, libc::ENOSPC]);
    let fault = world.fault_of_opening();
    assert_eq!(fault.reason, Reason::Refused);
    assert!(fault.detail.contains("bandwidth") && fault.detail.contains("MJPG"), "{fault}");
}

#[test]
fn one_buffer_that_cannot_be_given_back_is_given_back_later() {
    let world = World::with([shot(grey(16)), pause(33), shot(grey(235)), pause(33), shot(grey(16))]);
    let mut viewer = Viewer::of(&world);
    world.fake(0).fail("queue", &[libc::EINVAL]);
    viewer.next();
    assert_eq!(brightness(viewer.next()), 255);
    assert_eq!(brightness(viewer.next()), 0);
    assert_eq!((world.times(0, "start"), world.times(0, "queued twice")), (1, 0));
    // Four at the start, one refused, that one again, and those of the next two frames.
    assert_eq!(world.times(0, "queue"), 4 + 1 + 1 + 2);
}

#[test]
fn a_camera_that_is_gone_is_unplugged_wherever_that_shows() {
    for act in [Act::WaitFails(libc::ENODEV), Act::DequeueFails(libc::ENODEV)] {
        let world = World::with([shot(grey(16)), pause(33), act]);
        let mut viewer = Viewer::of(&world);
        viewer.next();
        assert_eq!(viewer.reason(), Reason::Unplugged);
        assert_eq!(world.times(0, "start"), 1);
    }
    let world = World::with([]);
    world.fake(0).fail("start", &[libc::ENODEV]);
    assert_eq!(world.fault_of_opening().reason, Reason::Unplugged);
}

#[test]
fn errors_while_a_camera_is_closed_are_nobody_elses_trouble() {
    for code in [libc::EIO, libc::ENODEV, libc::EINVAL] {
        let world = World::with([shot(grey(16))]);
        let mut viewer = Viewer::of(&world);
        viewer.next();
        world.fake(0).fail("stop", &[code]);
        drop(viewer);
        assert_eq!((world.times(0, "stop"), world.open_devices(0)), (1, 0));
    }
}

#[test]
fn a_camera_of_another_program_is_busy_wherever_that_shows() {
    for call in ["open", "set_format", "map", "start"] {
        let world = World::with([]);
        world.fake(0).fail(call, &[libc::EBUSY, libc::EBUSY]);
        let fault = world.fault_of_opening();
        assert_eq!(fault.reason, Reason::Busy, "{call}");
        assert!(fault.to_string().contains("in use by another program"), "{fault}");
        assert_eq!(world.open_devices(0), 0);
    }
}

#[test]
fn a_fault_of_the_driver_keeps_the_systems_error_as_its_cause() {
    let world = World::with([]);
    world.fake(0).fail("open", &[libc::EBUSY]);
    let fault = world.fault_of_opening();
    assert_eq!(fault.cause.and_then(|cause| cause.raw_os_error()), Some(libc::EBUSY));
}

#[test]
fn an_error_of_setting_up_closes_the_device_and_the_next_opening_starts_afresh() {
    for (call, reason) in [("map", Reason::Refused), ("set_format", Reason::Refused), ("formats", Reason::Format)] {
        let world = World::with([shot(grey(235))]);
        world.fake(0).fail(call, &[libc::ENOMEM]);
        let mut open = world.opener(Which::Number(0), at_once());
        let fault = open().err().expect(call);
        let SourceError::Camera(Fault { reason: found, .. }) = fault else { panic!("{fault}") };
        assert_eq!(found, if call == "formats" { Reason::Io } else { reason }, "{call}");
        assert_eq!(world.open_devices(0), 0);
        let mut viewer = Viewer { source: open().unwrap(), frame: Frame::default(), stop: world.stop.clone() };
        assert_eq!(brightness(viewer.next()), 255);
    }
}

#[test]
fn two_buffers_are_enough_and_one_is_not() {
    let world = World::with([shot(grey(16)), pause(33), shot(grey(235))]);
    world.fake(0).buffers = Some(2);
    let mut viewer = Viewer::of(&world);
    viewer.next();
    assert_eq!(brightness(viewer.next()), 255);

    let world = World::with([]);
    world.fake(0).buffers = Some(1);
    let fault = world.fault_of_opening();
    assert_eq!(fault.reason, Reason::Refused);
    assert!(fault.detail.contains("1 buffers; at least 2"), "{fault}");

    let world = World::with([shot(grey(235))]);
    world.fake(0).buffers = Some(9);
    assert_eq!(brightness(Viewer::of(&world).next()), 255);
}

#[test]
fn numbers_go_on_over_gaps_wraps_restarts_and_reopening() {
    let script =
        [numbered(u32::MAX - 1), pause(33), numbered(u32::MAX), pause(33), numbered(2), pause(33), numbered(2)];
    let world = World::with(script);
    let mut open = world.opener(Which::First, at_once());
    let mut viewer = Viewer { source: open().unwrap(), frame: Frame::default(), stop: world.stop.clone() };
    let numbers: Vec<u64> = (0..4).map(|_| viewer.next().sequence).collect();
    // Two frames were lost between the wrap and number 2; a driver that repeats itself does not count.
    assert_eq!(numbers, [0, 1, 4, 5]);
    assert_eq!(viewer.source.missed(), 2);
    drop(viewer.source);
    world.fake(0).script.extend([numbered(7)]);
    viewer.source = open().unwrap();
    assert_eq!(viewer.next().sequence, 6);
    assert_eq!(viewer.source.missed(), 2);
}

#[test]
fn a_stamp_from_the_future_is_now_and_one_from_before_the_stream_is_the_arrival() {
    let second = Duration::from_secs(1);
    let script = [
        stamped(16, 2000 * second),
        pause(50),
        stamped(16, 900 * second),
        pause(50),
        stamped(16, Duration::from_millis(1_000_080)),
        pause(50),
        Act::Frame(Shot { bytes: grey(16), ..Shot::default() }),
        pause(50),
        stamped(16, Duration::from_millis(1_000_120)),
    ];
    let world = World::with(script);
    let mut viewer = Viewer::of(&world);
    let times: Vec<u128> = (0..5).map(|_| viewer.next().captured.as_millis() - 1_000_000).collect();
    // The last one is from before the one that came in front of it.
    assert_eq!(times, [0, 50, 80, 150, 200]);
}

#[test]
fn the_rate_is_set_after_the_format_at_every_opening() {
    let world = World::with([]);
    let mut open = world.opener(Which::First, at_once());
    for _ in 0..2 {
        world.fake(0).calls.clear();
        drop(open().unwrap());
        let calls = world.fake(0).calls.clone();
        let at = |name| calls.iter().position(|call| *call == name).unwrap();
        assert!(at("set_format") < at("set_interval") && at("set_interval") < at("map"), "{calls:?}");
        assert!(at("map") < at("queue") && at("queue") < at("start"), "{calls:?}");
    }
}

fn answering(answer: fn(Agreed) -> Agreed) -> World {
    let world = World::with([shot(grey(235))]);
    world.fake(0).answer = Some(answer);
    world
}

#[test]
fn a_driver_that_agrees_to_something_else_is_refused_with_what_it_chose() {
    type Change = fn(Agreed) -> Agreed;
    let cases: [(Change, &str); 6] = [
        (|agreed| Agreed { format: FourCC::new(b"NV16"), ..agreed }, "chose NV16 16x4"),
        (|agreed| Agreed { width: 3840, height: 2160, ..agreed }, "chose YUYV 3840x2160"),
        (|agreed| Agreed { bytes_per_line: 31, ..agreed }, "lines of 31 bytes; 32 are needed"),
        (|agreed| Agreed { size_image: 127, ..agreed }, "frames of 127 bytes; 128 are needed"),
        (|agreed| Agreed { bytes_per_line: 64, ..agreed }, "frames of 128 bytes; 224 are needed"),
        (|agreed| Agreed { field: 7, ..agreed }, "two half pictures"),
    ];
    for (answer, expected) in cases {
        let world = answering(answer);
        let fault = world.fault_of_opening();
        assert_eq!(fault.reason, Reason::Format);
        assert!(fault.detail.contains(expected), "{fault}");
        assert_eq!(world.open_devices(0), 0);
    }
}

#[test]
fn a_driver_that_breaks_its_word_about_one_mode_is_asked_for_the_next() {
    let world = answering(|agreed| match &agreed.format.repr {
        b"YUYV" => Agreed { width: 8, ..agreed },
        _ => agreed,
    });
    world.fake(0).formats.push((FourCC::new(b"UYVY"), Sizes::List(vec![[16, 4]])));
    assert_eq!(world.try_open().unwrap().rate(), Some(30.0));
}

#[test]
fn lines_with_padding_are_read_without_it() {
    let world = answering(|agreed| Agreed { bytes_per_line: 40, size_image: 160, ..agreed });
    let line = [[235, 128].repeat(16), vec![0; 8]].concat();
    world.fake(0).script = [shot(line.repeat(4)), pause(33), shot(line.repeat(4)[..152].to_vec())].into();
    let mut viewer = Viewer::of(&world);
    for _ in 0..2 {
        assert_eq!(viewer.next().picture.rgb, vec![255; 16 * 4 * 3]);
    }
}

#[test]
fn names_that_are_no_text_and_control_characters_are_replaced() {
    let capability = Capability::new(b"uvc\xff\0old", b"\x1b[31mEvil\xc3\x28\0\0", b"usb\n1", 0);
    assert_eq!(capability.driver, "uvc\u{fffd}");
    assert_eq!(capability.card, "\u{fffd}[31mEvil\u{fffd}(");
    assert_eq!(capability.bus, "usb\u{fffd}1");
}

#[test]
fn the_first_camera_is_no_metadata_node_no_codec_and_none_whose_formats_cannot_be_read() {
    let world = World::new();
    world.add(0, "Camera").capability.device_caps = METADATA;
    world.add(1, "Codec").capability.device_caps = 0x0400_8000;
    world.add(2, "Sensor").formats = vec![(FourCC::new(b"RG10"), Sizes::Unknown)];
    world.add(3, "Camera").script.push_back(shot(grey(235)));
    assert_eq!(brightness(Viewer::of(&world).next()), 255);
    assert_eq!(world.times(3, "start"), 1);
}

#[test]
fn without_a_camera_the_reason_is_the_gravest_that_was_met() {
    let world = World::new();
    assert_eq!(world.fault_of_opening().reason, Reason::Absent);
    world.add(0, "Metadata").capability.device_caps = METADATA;
    assert_eq!(world.fault_of_opening().reason, Reason::Absent);
    world.add(1, "Sensor").formats = vec![(FourCC::new(b"RG10"), Sizes::Unknown)];
    let fault = world.fault_of_opening();
    assert_eq!(fault.reason, Reason::Format);
    assert!(fault.to_string().contains("/dev/video1"), "{fault}");
    let world = World::with([]);
    world.fake(0).fail("open", &[libc::EACCES]);
    let fault = world.fault_of_opening();
    assert_eq!(fault.reason, Reason::Denied);
    assert!(fault.detail.contains("group 'video'"), "{fault}");
}

fn opened(world: &World, device: &str) -> Result<u32, Fault> {
    match world.opener(Which::parse(device), at_once())() {
        Ok(_) => Ok((0..10)
            .rev()
            .find(|number| world.nodes().iter().any(|node| node.number == *number) && world.times(*number, "start") > 0)
            .unwrap()),
        Err(SourceError::Camera(fault)) => Err(fault),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_camera_is_chosen_by_its_number_its_node_its_link_or_its_name() {
    for (device, expected) in [
        ("", 1),
        ("3", 3),
        ("/dev/video3", 3),
        ("/dev/v4l/by-id/usb-rear", 4),
        ("Rear", 4),
        ("front", 1),
        ("Front Camera 2", 3),
    ] {
        let world = World::new();
        world.add(0, "Front Camera").capability.device_caps = METADATA;
        world.add(1, "Front Camera");
        world.add(3, "Front Camera 2");
        world.add(4, "Rear Camera").by_id = Some("/dev/v4l/by-id/usb-rear".into());
        assert_eq!(opened(&world, device).unwrap(), expected, "camera:{device}");
        let fault = |device| opened(&world, device).unwrap_err();
        assert_eq!(fault("7").reason, Reason::Absent);
        assert_eq!(fault("/dev/v4l/by-id/usb-left").reason, Reason::Absent);
        assert_eq!(fault("Side").reason, Reason::Absent);
        let metadata = fault("/dev/video0");
        assert_eq!(metadata.reason, Reason::Format);
        assert!(metadata.to_string().contains("metadata"), "{metadata}");
    }
}

#[test]
fn the_same_camera_is_found_again_under_another_number_and_another_never_takes_its_place() {
    let by_id = || Some("/dev/v4l/by-id/usb-front".into());
    for which in ["", "0", "/dev/video0", "Front"] {
        let world = World::new();
        world.add(0, "Front Camera").by_id = by_id();
        let mut open = world.opener(Which::parse(which), at_once());
        drop(open().unwrap());
        world.remove(0);
        world.add(2, "Front Camera").by_id = Some("/dev/v4l/by-id/usb-other".into());
        world.fake(2).capability.card = "Rear Camera".to_owned();
        let SourceError::Camera(fault) = open().err().unwrap() else { panic!() };
        assert_eq!(fault.reason, Reason::Absent, "camera:{which}");
        assert!(fault.detail.contains("Front Camera"), "{fault}");
        world.add(5, "Front Camera").by_id = by_id();
        drop(open().unwrap());
        assert_eq!((world.times(5, "start"), world.times(2, "start")), (1, 0), "camera:{which}");
    }
}

#[test]
fn without_a_link_a_camera_is_known_again_by_its_plug_and_its_name() {
    let world = World::new();
    world.add(0, "Twin").capability.bus = "usb-left".to_owned();
    world.add(1, "Twin").capability.bus = "usb-right".to_owned();
    let mut open = world.opener(Which::Number(1), at_once());
    drop(open().unwrap());
    world.remove(1);
    world.add(3, "Twin").capability.bus = "usb-right".to_owned();
    drop(open().unwrap());
    assert_eq!((world.times(0, "start"), world.times(3, "start")), (0, 1));
}

#[test]
fn a_twin_never_takes_the_place_of_a_camera_that_is_gone() {
    for links in [
        [None, None],
        [Some("/dev/v4l/by-id/usb-twin"), None],
        [Some("/dev/v4l/by-id/usb-1"), Some("/dev/v4l/by-id/usb-2")],
    ] {
        let world = World::new();
        for (number, link) in (0..2).zip(links) {
            world.add(number, "Twin").by_id = link.map(Into::into);
        }
        let mut open = world.opener(Which::Number(0), at_once());
        drop(open().unwrap());
        world.remove(0);
        // A link that both share leads to the one that is left.
        world.fake(1).by_id = links[1].or(links[0]).map(Into::into);
        let SourceError::Camera(fault) = open().err().unwrap() else { panic!() };
        assert_eq!((fault.reason, world.times(1, "start")), (Reason::Absent, 0), "{links:?}");
    }
}

#[test]
fn the_only_camera_of_its_name_may_come_back_at_another_plug() {
    let world = World::with([]);
    let mut open = world.opener(Which::First, at_once());
    drop(open().unwrap());
    world.remove(0);
    world.add(4, "Fake Camera");
    drop(open().unwrap());
    assert_eq!(world.times(4, "start"), 1);
}

/// A format's code, its sizes, and its frames a second.
type Listed<'a> = (&'a [u8; 4], &'a [[u32; 2]], &'a [u32]);

fn best(which: &Which, wanted: Wanted, formats: &[Listed]) -> String {
    let world = World::new();
    world.add(0, "Camera").formats.clear();
    for (code, sizes, _) in formats {
        world.fake(0).formats.push((FourCC::new(code), Sizes::List(sizes.to_vec())));
    }
    let rates = formats[0].2.iter().map(|rate| Fraction { numerator: 1, denominator: *rate }).collect();
    world.fake(0).intervals = Intervals::List(rates);
    let found = probe(&world, which, &wanted);
    match found.chosen {
        Ok(chosen) => {
            format!("{} {}x{} {}", chosen.format, chosen.width, chosen.height, chosen.rate.unwrap_or(0.0))
        }
        Err(fault) => fault.detail,
    }
}

#[test]
fn a_mode_is_chosen_by_size_rate_and_cost() {
    let sizes: &[[u32; 2]] = &[[320, 240], [640, 480], [1280, 720]];
    let all: &[Listed] = &[(b"MJPG", sizes, &[60, 30, 15]), (b"YUYV", sizes, &[])];
    assert_eq!(best(&Which::First, Wanted::default(), all), "YUYV 640x480 30");
    assert_eq!(best(&Which::First, Wanted { width: Some(1280), ..Wanted::default() }, all), "YUYV 1280x720 30");
    assert_eq!(best(&Which::First, Wanted { fps: FrameRate::new(50.0), ..Wanted::default() }, all), "YUYV 640x480 60");
    assert_eq!(best(&Which::First, Wanted { fps: FrameRate::new(120.0), ..Wanted::default() }, all), "YUYV 640x480 60");
    let mjpg = Wanted { format: Some(PixelFormat::Mjpg), ..Wanted::default() };
    assert_eq!(best(&Which::First, mjpg, all), "MJPG 640x480 30");
    let refused = best(&Which::First, Wanted { width: Some(800), height: Some(600), ..Wanted::default() }, all);
    assert!(refused.contains("offers no 800x600") && refused.contains("1280x720"), "{refused}");
    let grey: &[Listed] = &[(b"GREY", sizes, &[30]), (b"MJPG", &[[1920, 1080]], &[])];
    assert_eq!(best(&Which::First, Wanted::default(), grey), "MJPG 1920x1080 30");
    let none: &[Listed] = &[(b"H264", sizes, &[30])];
    let refused = best(&Which::Number(0), Wanted::default(), none);
    assert!(refused.contains("offers no format that can be read: found H264"), "{refused}");
}

#[test]
fn compressed_frames_are_chosen_if_raw_ones_do_not_reach_the_rate() {
    let world = World::new();
    world.add(0, "Camera").formats = vec![
        (FourCC::new(b"YUYV"), Sizes::List(vec![[1280, 720]])),
        (FourCC::new(b"MJPG"), Sizes::Range { least: [160, 120], most: [1920, 1080], step: [16, 8] }),
    ];
    world.fake(0).intervals = Intervals::Range {
        least: Fraction { numerator: 1, denominator: 60 },
        most: Fraction { numerator: 1, denominator: 5 },
    };
    let chosen =
        probe(&world, &Which::First, &Wanted { fps: FrameRate::new(29.5), ..Wanted::default() }).chosen.unwrap();
    assert_eq!((chosen.format, chosen.width, chosen.height, chosen.rate), ("MJPG", 640, 480, Some(29.5)));
}

#[test]
fn a_driver_that_names_no_sizes_may_choose_one() {
    let world = answering(|agreed| Agreed { width: 16, height: 4, bytes_per_line: 32, size_image: 128, ..agreed });
    world.fake(0).formats = vec![(FourCC::new(b"YUYV"), Sizes::Unknown)];
    world.fake(0).intervals = Intervals::Unknown;
    let mut viewer = Viewer::of(&world);
    assert_eq!(viewer.next().picture.width, 16);
    assert_eq!(viewer.source.rate(), None);
    let wanted = Wanted { width: Some(640), ..at_once() };
    let SourceError::Camera(fault) = world.opener(Which::First, wanted)().err().unwrap() else { panic!() };
    assert!(fault.detail.contains("chose YUYV 16x4"), "{fault}");
}

#[test]
fn a_probe_tells_cameras_that_are_free_from_busy_ones_and_other_nodes() {
    let world = World::new();
    world.add(0, "Free");
    world.add(1, "Busy").fail("release", &[libc::EBUSY]);
    world.add(2, "Metadata").capability.device_caps = METADATA;
    world.add(3, "Denied").fail("open", &[libc::EACCES]);
    world.add(4, "Broken").fail("capability", &[libc::EIO]);
    let found = probe(&world, &Which::First, &Wanted::default());
    let states: Vec<Availability> = found.nodes.iter().map(|node| node.state).collect();
    assert_eq!(
        states,
        [Availability::Free, Availability::Busy, Availability::NoCamera, Availability::Denied, Availability::Failed]
    );
    assert_eq!(found.nodes[0].formats[0].rates, [30.0]);
    assert_eq!(found.chosen.unwrap().path.to_str(), Some("/dev/video0"));
    assert_eq!(world.times(1, "set_format") + world.times(1, "map"), 0);
}

#[test]
fn the_cameras_of_this_machine_give_frames_if_there_are_any() {
    if Linux.nodes().is_empty() {
        eprintln!("skipped: this machine has no /dev/video*");
        return;
    }
    let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(SystemClock);
    match Camera::opener(Which::First, at_once(), clock.clone())() {
        Ok(mut source) => {
            let mut frame = Frame::default();
            assert_eq!(source.next(&mut frame, &purecam::time::Stop::new()).unwrap(), Offer::Frame);
            assert!(frame.captured <= clock.now());
            assert_eq!(frame.picture.rgb.len() as u32, frame.picture.width * frame.picture.height * 3);
        }
        Err(error) => eprintln!("skipped: {error}"),
    }
}
