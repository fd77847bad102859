use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Product {
    name: String,
    price: u64,
    stock: Option<i32>,
    labels: Vec<String>,
}

fn product() -> impl Strategy<Value = Product> {
    (".{0,40}", any::<u64>(), any::<Option<i32>>(), prop::collection::vec("[a-z]{0,9}", 0..200))
        .prop_map(|(name, price, stock, labels)| Product { name, price, stock, labels })
}

fn codecs() -> Vec<Codec> {
    (0..=0x0F).filter_map(Codec::numbered).collect()
}

fn compressions() -> Vec<Compression> {
    vec![
        Compression::None,
        #[cfg(feature = "zstd")]
        Compression::Zstd { above: 100 },
        #[cfg(feature = "lz4")]
        Compression::Lz4 { above: 100 },
    ]
}

proptest! {
    #[test]
    fn every_form_survives_the_round_trip(product in product()) {
        for codec in codecs() {
            for compression in compressions() {
                let (bytes, form) = write(codec, compression, &product).unwrap();
                let back: Product = read(form, &bytes).unwrap();
                prop_assert_eq!(&back, &product, "{:?} {:?}", codec, compression);
            }
        }
    }

    #[test]
    fn any_bytes_in_any_form_are_read_without_a_panic(form: u8, bytes: Vec<u8>) {
        // Whether they mean anything does not matter.
        let _read = read::<Product>(form, &bytes);
    }
}

#[test]
fn compression_that_does_not_pay_is_left_out() {
    let random: Vec<u8> = (0..2_000).map(|_| fastrand::u8(..)).collect();
    let text = "x".repeat(2_000);
    for compression in compressions().into_iter().skip(1) {
        let (_, form) = write(Codec::Json, compression, &"short").unwrap();
        assert_eq!(form >> 4, 0, "{compression:?}: too short");
        let (bytes, form) = write(Codec::Json, compression, &text).unwrap();
        assert!(form >> 4 != 0 && bytes.len() < 200, "{compression:?}: {} bytes", bytes.len());
        #[cfg(feature = "postcard")]
        assert_eq!(write(Codec::Postcard, compression, &random).unwrap().1 >> 4, 0, "{compression:?}");
    }
    let _ = random;
}

#[test]
#[cfg(feature = "lz4")]
fn size_that_a_value_claims_is_not_believed() {
    let bomb = [u8::MAX, u8::MAX, u8::MAX, 0x7F, 0, 0];
    let error = read::<Product>(0x20, &bomb).expect_err("two gigabytes out of six bytes");
    assert!(error.to_string().contains("size"), "{error}");
}
