//! An IID has 8-4-4-4-12 hexadecimal digits.

use mapisync::HRESULT;
use mapisync::abi::IUnknown;

mapisync::com_interface! {
    pub unsafe interface IShort: IUnknown("0002031F-0000-0000-C000-00000000046") {
        vtable IShortVtbl;
        trait Short;
        calls IShortCalls;
        fn Increase(by: u32) -> HRESULT;
    }
}

fn main() {}
