//! Tests of the parsers on captures of a real machine (`tests/data/proc`), and on garbage.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

macro_rules! capture {
    ($name:literal) => {
        include_str!(concat!("../../tests/data/proc/", $name))
    };
}

#[test]
fn a_name_with_parentheses_does_not_shift_the_fields() {
    let stat = PidStat::parse(capture!("pid_stat_parens")).unwrap();
    let expected = PidStat {
        state: 'S',
        parent: 8853,
        minor_faults: 101,
        major_faults: 0,
        cpu_ticks: 0,
        threads: 1,
        start_ticks: 300_092,
        rss_pages: 411,
    };
    assert_eq!(stat, expected);
    assert!(!stat.is_dead());
}

#[test]
fn process_files_are_parsed() {
    let status = capture!("pid_status");
    assert_eq!(Switches::parse(status), Some(Switches { voluntary: 240, involuntary: 40 }));
    assert_eq!(innermost_id("Pid:\t27391\nNSpid:\t27391\t7\n"), Some(7));
    assert_eq!((innermost_id("NSpid:\n"), innermost_id("Pid:\t1\n")), (None, None));
    assert_eq!(swapped_bytes(status), Some(0));
    assert_eq!(swapped_bytes("VmSwap:\t     12 kB\n"), Some(12_288));
    assert_eq!(run_queue_ns(capture!("schedstat")), Some(33_123_979));
    assert_eq!(proportional_set(capture!("smaps_rollup")), Some(962 * 1024));
    let io = IoBytes { read: 399_753_216, write: 118_304_768 };
    assert_eq!(IoBytes::parse(capture!("pid_io")), Some(io));
}

#[test]
fn host_files_are_parsed() {
    let stat = capture!("stat");
    let cpu = CpuTicks { busy: 120_605 + 19_587 + 2_749, iowait: 990, steal: 227 };
    assert_eq!(CpuTicks::parse(stat), Some(cpu));
    assert_eq!(running_processes(stat), Some(4));
    assert_eq!(available_memory(capture!("meminfo")), Some(23_506_064 * 1024));
    assert_eq!(swapped_pages(capture!("vmstat")), Some((0, 0)));
    assert_eq!(swapped_pages("pswpin 3\npswpout 4\n"), Some((3, 4)));
    assert_eq!(pressure_some_us(capture!("pressure_cpu")), Some(138_973_550));
}

#[test]
fn only_whole_disks_count() {
    let disks = ["vda", "zram0", "loop0"].map(str::to_owned).into();
    let sum = DiskBytes::parse(capture!("diskstats"), &disks);
    assert_eq!(sum, DiskBytes { read: 18_172_450 * 512, write: 15_579_088 * 512 });
    let partitioned = "8 0 sda 1 0 10 0 1 0 20 0 0 0 0\n8 1 sda1 1 0 10 0 1 0 20 0 0 0 0\n253 0 dm-0 1 0 10 0 1 0 20 0 0 0 0\n";
    let disks: BTreeSet<String> = ["sda", "dm-0"].map(str::to_owned).into();
    assert_eq!(DiskBytes::parse(partitioned, &disks), DiskBytes { read: 5_120, write: 10_240 });
}

#[test]
fn network_files_are_parsed() {
    assert_eq!(network_bytes(capture!("net_dev")), (1_305_974_967 + 587_060_250, 1_305_974_967 + 1_566_783));
    assert_eq!(listen_drops(capture!("netstat")), Some(4));
    assert_eq!(retransmits(capture!("snmp")), Some(4));
    assert_eq!(active_opens(capture!("snmp")), Some(150_242));
    assert_eq!(time_wait(capture!("sockstat")), Some(18));
}

#[test]
fn nginx_status_has_seven_numbers() {
    // As nginx 1.22 prints it.
    let page = "Active connections: 3 \nserver accepts handled requests\n 12 11 40 \nReading: 0 Writing: 1 Waiting: 2 \n";
    let sample = parse_stub_status(page).unwrap();
    assert_eq!((sample.active, sample.reading, sample.writing, sample.waiting), (3, 0, 1, 2));
    assert_eq!((sample.accepts, sample.handled, sample.requests), (12, 11, 40));
    assert_eq!(parse_stub_status("<html>404</html>"), None);
}

/// Runs every parser on any text.
fn parse_all(text: &str) {
    let disks = BTreeSet::from(["sda".to_owned()]);
    let _ = (PidStat::parse(text), Switches::parse(text), swapped_bytes(text), run_queue_ns(text));
    let _ = (proportional_set(text), IoBytes::parse(text), CpuTicks::parse(text), running_processes(text));
    let _ =
        (available_memory(text), swapped_pages(text), pressure_some_us(text), DiskBytes::parse(text, &disks));
    let _ = (
        network_bytes(text),
        listen_drops(text),
        retransmits(text),
        active_opens(text),
        time_wait(text),
        parse_stub_status(text),
    );
}

const CAPTURES: [&str; 6] = [
    capture!("pid_stat_parens"),
    capture!("pid_status"),
    capture!("stat"),
    capture!("netstat"),
    capture!("net_dev"),
    capture!("sockstat"),
];

proptest! {
    #[test]
    fn garbage_never_panics(text in "(?s).{0,200}") {
        parse_all(&text);
    }

    #[test]
    fn a_capture_cut_anywhere_or_with_a_changed_letter_never_panics(which in 0..CAPTURES.len(), at in any::<prop::sample::Index>(), letter in any::<char>()) {
        let whole = CAPTURES[which];
        let at = at.index(whole.len());
        parse_all(whole.get(..at).unwrap_or_default());
        parse_all(&format!("{}{letter}{}", whole.get(..at).unwrap_or_default(), whole.get(at..).unwrap_or_default()));
    }

    #[test]
    fn any_command_name_survives(comm in "[ ()a-z\n:/\\-0-9]{0,15}", start in any::<u64>()) {
        let line = format!("7 ({comm}) R 1 2 3 0 -1 0 4 0 5 0 6 7 0 0 20 0 8 0 {start} 0 9\n");
        let stat = PidStat::parse(&line).unwrap();
        prop_assert_eq!((stat.start_ticks, stat.parent, stat.cpu_ticks, stat.threads, stat.rss_pages), (start, 1, 13, 8, 9));
    }
}
