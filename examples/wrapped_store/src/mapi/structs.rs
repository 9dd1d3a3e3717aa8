//! The structures of `MAPIDefS.h` that this provider reads and writes.

use super::LPTSTR;
use mapisync::{GUID, struct_layout};
use std::ffi::c_void;

/// The identifier of a folder, message or store: `cb` bytes, which are passed separately.
#[repr(C)]
pub struct ENTRYID {
    /// Flags, the first four bytes.
    pub abFlags: [u8; 4],
    /// The rest.
    pub ab: [u8; 1],
}

struct_layout! { ENTRYID { abFlags: [u8; 4], ab: [u8; 1] } }

/// A GUID as 16 bytes, in the order in which they are written.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MAPIUID {
    /// The bytes.
    pub ab: [u8; 16],
}

struct_layout! { MAPIUID { ab: [u8; 16] } }

/// 100-nanosecond intervals since 1601, as two halves.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FILETIME {
    /// The low half.
    pub dwLowDateTime: u32,
    /// The high half.
    pub dwHighDateTime: u32,
}

struct_layout! { FILETIME { dwLowDateTime: u32, dwHighDateTime: u32 } }

/// Bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SBinary {
    /// The number of bytes.
    pub cb: u32,
    /// The bytes.
    pub lpb: *mut u8,
}

struct_layout! { SBinary { cb: u32, lpb: *mut u8 } }

/// An array of binary values. As `ENTRYLIST` it lists entry identifiers.
#[repr(C)]
pub struct SBinaryArray {
    /// The number of values.
    pub cValues: u32,
    /// The values.
    pub lpbin: *mut SBinary,
}

struct_layout! { SBinaryArray { cValues: u32, lpbin: *mut SBinary } }

/// A list of entry identifiers.
pub type ENTRYLIST = SBinaryArray;

/// An array of values of any other type. All of them have this shape.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MultiValue {
    /// The number of values.
    pub cValues: u32,
    /// The values.
    pub values: *mut c_void,
}

struct_layout! { MultiValue { cValues: u32, values: *mut c_void } }

/// The value of a property. The type in its tag says which field is valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub union PropertyValue {
    /// `PT_I2`
    pub i: i16,
    /// `PT_LONG`
    pub l: i32,
    /// `PT_BOOLEAN`
    pub b: u16,
    /// `PT_DOUBLE`
    pub dbl: f64,
    /// `PT_SYSTIME`
    pub ft: FILETIME,
    /// `PT_STRING8`
    pub lpszA: *mut u8,
    /// `PT_UNICODE`
    pub lpszW: *mut u16,
    /// `PT_BINARY`
    pub bin: SBinary,
    /// `PT_CLSID`
    pub lpguid: *mut GUID,
    /// `PT_I8`
    pub li: i64,
    /// `PT_ERROR`
    pub err: i32,
    /// Every type with the flag `MV_FLAG`.
    pub multi: MultiValue,
}

/// A property: its tag and its value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SPropValue {
    /// The tag.
    pub ulPropTag: u32,
    /// Padding.
    pub dwAlignPad: u32,
    /// The value.
    pub Value: PropertyValue,
}

struct_layout! { SPropValue { ulPropTag: u32, dwAlignPad: u32, Value: PropertyValue } }

/// Property tags. The array is as long as `cValues` says.
#[repr(C)]
pub struct SPropTagArray {
    /// The number of tags.
    pub cValues: u32,
    /// The tags.
    pub aulPropTag: [u32; 1],
}

struct_layout! { SPropTagArray { cValues: u32, aulPropTag: [u32; 1] } }

/// Why a property of a call was not processed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SPropProblem {
    /// The index of the property in the call.
    pub ulIndex: u32,
    /// The tag of the property.
    pub ulPropTag: u32,
    /// The error.
    pub scode: i32,
}

struct_layout! { SPropProblem { ulIndex: u32, ulPropTag: u32, scode: i32 } }

/// The properties of a call that were not processed. The array is as long as `cProblem` says.
#[repr(C)]
pub struct SPropProblemArray {
    /// The number of problems.
    pub cProblem: u32,
    /// The problems.
    pub aProblem: [SPropProblem; 1],
}

struct_layout! { SPropProblemArray { cProblem: u32, aProblem: [SPropProblem; 1] } }

/// A recipient.
#[repr(C)]
pub struct ADRENTRY {
    /// Reserved, 0.
    pub ulReserved1: u32,
    /// The number of properties.
    pub cValues: u32,
    /// The properties, an allocation of its own.
    pub rgPropVals: *mut SPropValue,
}

struct_layout! { ADRENTRY { ulReserved1: u32, cValues: u32, rgPropVals: *mut SPropValue } }

/// Recipients. The array is as long as `cEntries` says.
#[repr(C)]
pub struct ADRLIST {
    /// The number of recipients.
    pub cEntries: u32,
    /// The recipients.
    pub aEntries: [ADRENTRY; 1],
}

struct_layout! { ADRLIST { cEntries: u32, aEntries: [ADRENTRY; 1] } }

/// A row of a table. It has the layout of a recipient.
#[repr(C)]
pub struct SRow {
    /// Padding.
    pub ulAdrEntryPad: u32,
    /// The number of properties.
    pub cValues: u32,
    /// The properties.
    pub lpProps: *mut SPropValue,
}

struct_layout! { SRow { ulAdrEntryPad: u32, cValues: u32, lpProps: *mut SPropValue } }

/// Rows of a table. The array is as long as `cRows` says.
#[repr(C)]
pub struct SRowSet {
    /// The number of rows.
    pub cRows: u32,
    /// The rows.
    pub aRow: [SRow; 1],
}

struct_layout! { SRowSet { cRows: u32, aRow: [SRow; 1] } }

/// The message of an error.
#[repr(C)]
pub struct MAPIERROR {
    /// The version of the structure, 0.
    pub ulVersion: u32,
    /// The message, or NULL.
    pub lpszError: LPTSTR,
    /// The component that failed, or NULL.
    pub lpszComponent: LPTSTR,
    /// A code of that component.
    pub ulLowLevelError: u32,
    /// A place in that component.
    pub ulContext: u32,
}

struct_layout! {
    MAPIERROR {
        ulVersion: u32, lpszError: LPTSTR, lpszComponent: LPTSTR, ulLowLevelError: u32, ulContext: u32,
    }
}
