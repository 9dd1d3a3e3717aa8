//! Runs one case of one peer under valgrind: `count CASE PEER TIMES`.

use mapisync_benches::callers;
use std::env;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [case, peer, times] = &arguments[..] else {
        panic!("usage: count CASE PEER TIMES");
    };
    let times = times.parse().expect("TIMES is a number");
    match case.as_str() {
        "loop_cpp" => return callers::empty_loop_in_cpp(times),
        "loop_rust" => return callers::empty_loop_in_rust(times),
        _ => {}
    }
    let subjects = mapisync_benches::subjects();
    let subject = subjects
        .iter()
        .find(|subject| subject.case == case && subject.peer == peer);
    std::panic::set_hook(Box::new(|_| {})); // so that panics' messages are not counted
    (subject.expect("there is no such subject").run)(times);
}
