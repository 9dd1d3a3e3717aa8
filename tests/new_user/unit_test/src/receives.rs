use mapisync::testing::{Call, Outlook};
use mapisync::{ComPtr, HRESULT, MapiSync, abi::IMAPISync};

pub fn receives_one_message(store: impl MapiSync) {
    let outcome = Outlook::new().run(&ComPtr::<IMAPISync>::new(store));
    outcome.assert_ok().assert_no_leaks();              // the order of calls, the event, the references
    let step = |n| Call::progress("Receiving Inbox", n, 1);
    assert_eq!(outcome.calls(), [step(0), step(1), Call::done(HRESULT::S_OK)]);
}
