//! The hostile files of `tests/data/hostile/manifest.tsv`, made from a real bundle.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stridewise::host::MachineClass;

/// What a file is to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It is read; none of its text is live.
    Read,
    /// It is refused: exit 20 with the file's name.
    Refused,
    /// Either, but never half: 0 or 20.
    Either,
}

/// One file: its bytes, and what is expected of them.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The lines of a real bundle: header, null pair, pair, end.
#[derive(Clone)]
pub(crate) struct Base(pub(crate) Vec<Value>);

impl Base {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// The lines as bytes, with an end that fits them.
    pub(crate) fn sealed(&self, ending: &str) -> Vec<u8> {
        let (end, lines) = self.0.split_last().unwrap();
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.to_string().as_bytes());
            bytes.extend_from_slice(ending.as_bytes());
        }
        seal(bytes, end, lines.len() - 1, ending)
    }

    fn header(&mut self) -> &mut Value {
        &mut self.0[0]
    }

    fn pair(&mut self) -> &mut Value {
        &mut self.0[2]
    }

    fn end(&mut self) -> &mut Value {
        self.0.last_mut().unwrap()
    }

    /// A text in every free field of the header.
    fn says(mut self, text: &str) -> Self {
        let header = self.header();
        header["machine"]["model_name"] = json!(text);
        header["machine"]["hypervisor"] = json!(text);
        header["tool"]["rustc"] = json!(text);
        header["config"]["args"] = json!(["run", text]);
        let machine: MachineClass = serde_json::from_value(header["machine"].clone()).unwrap();
        header["class_id"] = json!(machine.id());
        self
    }
}

/// Bytes with an end line whose count and digest are theirs.
fn seal(mut bytes: Vec<u8>, end: &Value, lines: usize, ending: &str) -> Vec<u8> {
    let mut end = end.clone();
    end["lines"] = json!(lines);
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    end["sha256"] = json!(digest);
    bytes.extend_from_slice(end.to_string().as_bytes());
    bytes.extend_from_slice(ending.as_bytes());
    bytes
}

/// A change of the text between the lines, sealed again.
fn edited(base: &Base, from: &str, to: &str) -> Vec<u8> {
    let whole = String::from_utf8(base.sealed("\n")).unwrap();
    let at = whole.trim_end().rfind('\n').unwrap() + 1;
    assert!(whole[..at].contains(from), "{from}");
    let lines = whole[..at].lines().count();
    seal(whole[..at].replace(from, to).into_bytes(), base.0.last().unwrap(), lines - 1, "\n")
}

const SCRIPT: &str = "<script>window.sentinel=1</script>";

/// The texts of the manifest's first group, by number.
fn texts(number: &str) -> Vec<String> {
    let more: &[&str] = match number {
        "05" => &["data:text/html,<script>window.sentinel=1</script>"],
        "09" => &["see http://localhost and www.localhost.com, mail me@localhost.com"],
        "18" => &["+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1,1)", "\t=1+1", "\r=1+1", " =1+1"],
        _ => &[],
    };
    text(number).into_iter().chain(more.iter().map(|&text| text.to_owned())).collect()
}

fn text(number: &str) -> Option<String> {
    Some(match number {
        "01" => SCRIPT.to_owned(),
        "02" => "\"><img src=x onerror=window.sentinel=1>".to_owned(),
        "03" => format!("</title></text></svg>{SCRIPT}"),
        "04" => "</script><!--<script>window.sentinel=1//\u{2028}".to_owned(),
        "05" => "javascript:window.sentinel=1".to_owned(),
        "06" => "red;}</style><style>*{background:url(//x)}".to_owned(),
        "07" => "a|b\\|c\nd".to_owned(),
        "08" => format!("````` {SCRIPT} `"),
        "09" => "![x](http://localhost/t.png) @everyone fixes #1".to_owned(),
        "10" => "</details>\n\n# PASS\n".to_owned(),
        "11" => "\n::error file=x::y\n::add-mask::z".to_owned(),
        "12" => "\u{1b}[2J\u{1b}[H".to_owned(),
        "13" => "\u{1b}]52;c;eA==\u{7}\u{1b}]8;;http://localhost\u{7}\u{1b}]0;t\u{7}".to_owned(),
        "14" => "\u{9b}2J".to_owned(),
        "15" => "\u{202e}abc\u{2069}\u{200b}\u{feff}".to_owned(),
        "17" => format!("e{}\u{1f469}\u{200d}\u{1f680}\t{}", "\u{301}".repeat(200), "\u{ff37}".repeat(400)),
        "18" => "=cmd|' /C calc'!A0\t@SUM(1)\r+1-1\"".to_owned(),
        _ => return None,
    })
}

/// The variants of a file, by its number in the manifest; folders and pairs are made by the test itself.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn make(number: &str, base: &Base) -> Vec<Made> {
    use Expected::{Either, Read, Refused};
    let refused = |bytes: Vec<u8>| Made { bytes, expected: Refused };
    let read = |bytes: Vec<u8>| Made { bytes, expected: Read };
    let with = |change: &dyn Fn(&mut Base)| {
        let mut changed = base.clone();
        change(&mut changed);
        changed.sealed("\n")
    };
    let header = |key: &str, value: Value| with(&|base| base.header()[key] = value.clone());
    let shape = |shape: Value| with(&|base| base.pair()["contender"]["shape"] = shape.clone());
    let samples = |value: Value| with(&|base| base.pair()["blocks"][0]["baseline_ns"] = value.clone());
    let one_sample = |text: &str| {
        let mut marked = base.clone();
        marked.pair()["blocks"][0]["baseline_ns"][0] = json!(987_654_321_012_u64);
        edited(&marked, "987654321012", text)
    };
    let cache = |key: &str, value: u64| with(&|base| base.header()["machine"]["caches"][0][key] = json!(value));
    let raw = |bytes: &[u8]| bytes.to_vec();
    let sealed = base.sealed("\n");
    let texts = texts(number);
    if !texts.is_empty() {
        // In a field of free text it is read; as an id, which follows from other fields, it is refused.
        let both = |text: String| {
            let id = with(&|base| base.pair()["id"] = json!(text));
            [read(base.clone().says(&text).sealed("\n")), refused(id)]
        };
        return texts.into_iter().flat_map(both).collect();
    }
    match number {
        "16" => vec![refused(with(&|base| base.pair()["id"] = json!("order/sum/f8/64x64/C/1,0/e\u{301}")))],
        "19" => vec![refused(header("run_id", json!("../../x"))), refused(header("bundle_id", json!("../../x")))],
        "20" => vec![refused(header("run_id", json!("/etc/x")))],
        "21" => ["C:\\x", "\\\\host\\x", "CON", "com1.x", "x."].map(|id| refused(header("run_id", json!(id)))).into(),
        "22" => vec![refused(with(&|base| base.pair()["id"] = json!("order/sum/f8/64x64/C/1,0\u{0}")))],
        "23" => vec![refused(with(&|base| base.pair()["id"] = json!("x".repeat(65_536))))],
        "24" => vec![refused(header("run_id", json!("a/b=c")))],
        "25" => vec![refused(with(&|base| base.header()["tool"]["commit"] = json!("$(touch x)")))],
        "26" => vec![refused(one_sample("NaN")), refused(one_sample("Infinity"))],
        "27" => vec![refused(one_sample("1e999"))],
        "28" => {
            let zeros = with(&|base| {
                for ns in base.pair()["blocks"][0]["baseline_ns"].as_array_mut().unwrap() {
                    *ns = json!(0);
                }
            });
            vec![refused(zeros)]
        }
        "29" => vec![refused(one_sample("-5")), refused(one_sample("-0.0"))],
        "30" => vec![refused(one_sample("5e-324")), refused(one_sample("1.7e308"))],
        "31" => {
            let mut marked = base.clone();
            marked.pair()["contender"]["footprint_bytes"] = json!(987_654_321_012_u64);
            vec![refused(edited(&marked, "987654321012", "18446744073709551616"))]
        }
        "32" => vec![refused(shape(json!([4_294_967_296_u64, 4_294_967_296_u64])))],
        "33" => vec![json!([]), json!([0, 64]), json!(vec![1; 65]), json!([-64, 64])]
            .into_iter()
            .map(|value| refused(shape(value)))
            .collect(),
        "34" => vec![refused(samples(json!([])))],
        "35" => vec![refused(with(&|base| _ = base.pair()["blocks"][0]["contender_ns"].as_array_mut().unwrap().pop()))],
        "36" => ["\"5\"", "null", "true"].map(|text| refused(one_sample(text))).into(),
        "37" => {
            let one = with(&|base| {
                let block = base.pair()["blocks"][0].clone();
                let mut block = block.as_object().unwrap().clone();
                block.insert("orders".to_owned(), json!("0"));
                block.insert("disturbed".to_owned(), json!({}));
                for member in ["baseline_ns", "contender_ns"] {
                    let samples = block[member].as_array().unwrap()[..2].to_vec();
                    block.insert(member.to_owned(), json!(samples));
                }
                base.pair()["blocks"] = json!([block]);
            });
            vec![read(one)]
        }
        "38" => {
            let counts = |running: u64| {
                with(&|base| {
                    let event = json!([{"event": "l1d-read-misses", "raw": "cache:0x10000", "value": 777_777_777_u64,
                        "enabled_ns": 1_000_000, "running_ns": running, "blocks": 1, "accesses": 4096}]);
                    let pair = base.pair().as_object_mut().unwrap();
                    pair.remove("counted_absent");
                    pair.insert("counted".to_owned(), json!({"baseline": event, "contender": event}));
                })
            };
            [0, 1_000_001].map(|running| read(counts(running))).into()
        }
        "39" => {
            let sizes = [("line", 0), ("ways", 0), ("bytes", 1 << 62), ("line", 63)];
            sizes.map(|(key, value)| refused(cache(key, value))).into()
        }
        "40" => vec![refused(with(&|base| base.0.insert(3, base.0[2].clone())))],
        "41" => vec![refused(edited(base, "\"kind\":\"pair\"", "\"kind\":\"pair\",\"kind\":\"pair\""))],
        "43" => vec![refused(with(&|base| base.0.insert(1, base.0[0].clone())))],
        "44" => vec![refused(with(&|base| base.0.swap(0, 1)))],
        "45" => vec![refused(edited(base, "baseline_ns", "baseline_us"))],
        "46" => vec![refused(with(&|base| _ = base.header().as_object_mut().unwrap().remove("schema_version")))],
        "47" => vec![refused(header("schema_version", json!([2, 0])))],
        "48" => {
            let minor = with(&|base| {
                base.header()["schema_version"] = json!([1, 99]);
                base.header()["not_known_yet"] = json!({"a": 1});
                base.header()["tool"]["linker"] = json!("x");
                base.pair()["energy_j"] = json!([1.5, null]);
                base.pair()["blocks"][0]["phase"] = json!("\u{202e}x");
                base.end()["after"] = json!(true);
            });
            vec![read(minor)]
        }
        "49" => vec![refused(header("schema_version", json!([-1, 0.5])))],
        "50" => vec![refused(raw(b"{\"benchmark\":\"x\",\"time\":5}\n")), refused(header("schema", json!("other")))],
        "51" => vec![Made { bytes: [b"\xef\xbb\xbf", &sealed[..]].concat(), expected: Either }],
        "52" => {
            let utf16 = String::from_utf8(sealed).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
            vec![refused(utf16)]
        }
        "53" => {
            let at = sealed.windows(4).position(|bytes| bytes == b"pair").unwrap();
            let mut bytes = sealed;
            bytes[at] = 0xff;
            vec![refused(bytes)]
        }
        "54" => vec![refused(edited(base, "\"kind\":\"pair\"", "\"kind\":\"\\ud800\""))],
        "55" => vec![read(base.sealed("\r\n"))],
        "56" => vec![refused(sealed[..sealed.len() * 2 / 3].to_vec())],
        "57" => vec![refused(Vec::new())],
        "58" => vec![refused([base.0[0].to_string().as_bytes(), b"\n"].concat())],
        "59" => vec![read(sealed[..sealed.len() - 1].to_vec())],
        "60" => vec![refused([&sealed[..], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"].concat())],
        "61" => vec![refused(vec![b'['; 100_000]), refused([b"{\"kind\":", &[b'['; 100_000][..]].concat())],
        "62" => vec![refused(with(&|base| base.header()["tool"]["rustc"] = json!("x".repeat(16 << 20))))],
        "63" => vec![refused(samples(json!(vec![1_000_000; 1_000_000])))],
        "64" => {
            let line = "{\"kind\":\"skipped\",\"id\":\"order/sum/f8/9x9/C/1,0\",\"reason\":\"x\"}\n".repeat(200_000);
            vec![refused([base.0[0].to_string().as_bytes(), b"\n", line.as_bytes()].concat())]
        }
        // Archives are not unpacked, whatever is in them: their first bytes are no bundle.
        "65" => vec![refused([&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0x55; 4096]].concat())],
        "66" => vec![refused([&b"\x28\xb5\x2f\xfd\xa4\0\0\0\0\x01"[..], &[0x55; 4096]].concat())],
        "67" => vec![refused([&b"PK\x03\x04\x14\0\0\0\0\0../../evil"[..], &[0; 64]].concat())],
        "68" => {
            let mut tar = vec![0; 1024];
            tar[..4].copy_from_slice(b"link");
            tar[156] = b'2';
            tar[257..262].copy_from_slice(b"ustar");
            vec![refused(tar)]
        }
        _ => Vec::new(),
    }
}
