//! Counts instructions and allocations: the bench runs itself under callgrind, once with few units and once with many.
//!
//! The difference is what the additional units cost; start, connecting, preparing and the end cancel out. Counted is all
//! that the process does on all of its threads: SQLite works on a thread of its own.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::units::Way;

/// Where the units counted start: by then statements are prepared, and what grows by doubling has grown.
const FEW: u32 = 200;
/// How many units are counted.
const COUNTED: u32 = 1000;
/// And how many where each of their answers is held back.
const COUNTED_BEHIND_RELAY: u32 = 400;

/// Free lists that never overflow, for what happens then is not the same each time; and copies by vector instructions
/// alone, for callgrind takes each byte that `rep movsb` copies for an instruction.
const TUNABLES: &str = "glibc.malloc.tcache_count=127:\
    glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000";

/// What a program, or one unit of it, took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    /// Instructions executed.
    pub(crate) instructions: f64,
    /// Calls of malloc, calloc, realloc and the aligned kin, SQLite's own included.
    pub(crate) allocations: f64,
}

/// What valgrind calls itself.
///
/// # Errors
///
/// What to install, if it is not there.
pub(crate) fn version() -> Result<String, String> {
    let answer = Command::new("valgrind").arg("--version").output();
    let output = answer.map_err(|error| {
        format!(
            "valgrind does not run ({error}): instructions and allocations are counted with it. \
             Install it: `apt-get install valgrind`, `dnf install valgrind` or `brew install valgrind`"
        )
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().replace("valgrind-", "valgrind "))
}

/// What a unit of an engine takes, written in one of the ways. `server` is a variable for its environment.
pub(crate) fn count(engine: &str, way: Way, server: Option<&(&'static str, String)>) -> Counts {
    let units = if server.is_some() { COUNTED_BEHIND_RELAY } else { COUNTED };
    let few = run(engine, way, server, FEW);
    let many = run(engine, way, server, FEW + units);
    Counts {
        instructions: (many.instructions - few.instructions) / f64::from(units),
        allocations: (many.allocations - few.allocations) / f64::from(units),
    }
}

/// Runs this program under callgrind, for a number of units.
fn run(engine: &str, way: Way, server: Option<&(&'static str, String)>, units: u32) -> Counts {
    let name = format!("overhead-{}-{engine}-{}.callgrind", std::process::id(), way.name());
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = on_one_processor("valgrind")
        .args(["--tool=callgrind", "--fair-sched=yes"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--units", engine, way.name(), &units.to_string()])
        .env("GLIBC_TUNABLES", TUNABLES)
        .envs(server.map(|(variable, url)| (variable, url)))
        .output()
        .unwrap();
    assert!(output.status.success(), "callgrind failed: {}", String::from_utf8_lossy(&output.stderr));
    let counts = read(&std::fs::read_to_string(&profile).unwrap());
    std::fs::remove_file(&profile).unwrap();
    counts
}

/// A command that has one processor, on which no thread interrupts another, and nor does another program where the system
/// lets us ask for that. Whether a thread finds its answer there or has to wait for it is then the same each time; else it is
/// up to the kernel, and worth a tenth of a unit.
fn on_one_processor(command: &str) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let first = allowed.split([',', '-']).next().unwrap();
    let mut one_processor = Command::new("taskset");
    let policy = if comes_first() { ["--fifo", "1"] } else { ["--batch", "0"] };
    one_processor.args(["--cpu-list", first, "chrt"]).args(policy).arg(command);
    one_processor
}

/// Whether what is measured may come before all other programs. (Those have the other processors.)
pub(crate) fn comes_first() -> bool {
    let asked = Command::new("chrt").args(["--fifo", "1", "true"]).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Reads callgrind's own format: `totals: <instructions>`, and for each place of a call the function called, which has its
/// name where it is first mentioned and a number from then on, and how often.
///
/// ```text
/// cfn=(12) malloc
/// calls=3 0
/// ```
fn read(profile: &str) -> Counts {
    const ALLOCATING: [&str; 6] =
        ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"];
    let mut counts = Counts { instructions: 0.0, allocations: 0.0 };
    let (mut allocating, mut calls_it) = (HashSet::new(), false);
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if ALLOCATING.contains(&name) {
                allocating.insert(number);
            }
            calls_it = allocating.contains(number);
        } else if let Some(calls) = line.strip_prefix("calls=").filter(|_| calls_it) {
            counts.allocations += calls.split(' ').next().unwrap().parse::<f64>().unwrap();
        } else if let Some(total) = line.strip_prefix("totals: ") {
            counts.instructions = total.parse().unwrap();
        }
    }
    counts
}
