use super::*;

fn order(key: &str, nodes: &[(&str, u32)]) -> Vec<String> {
    let mut lots: Vec<(Lot, &str)> =
        nodes.iter().map(|(id, weight)| (Lot::draw(hash(key), hash(id), *weight), *id)).collect();
    lots.sort_by(|left, right| left.0.order(&right.0).then(left.1.cmp(right.1)));
    lots.into_iter().map(|(_, id)| id.to_owned()).collect()
}

#[test]
fn the_hash_is_the_same_in_every_version() {
    // FNV-1a 64 of these texts is published (isthe.com/chongo): "" cbf29ce484222325, "foobar"
    // 85944171f73967e8.
    assert_eq!(hash(""), mix(0xcbf2_9ce4_8422_2325));
    assert_eq!(hash("foobar"), mix(0x8594_4171_f739_67e8));
    // fmix64(1), from the reference implementation of MurmurHash3.
    assert_eq!(mix(1), 0xb456_bcfc_34c2_cb2c);
}

/// The expected order was computed by another implementation, in floating point.
#[test]
fn the_order_of_known_nodes_never_changes() {
    let nodes = [("vid-aaaaaaa", 100), ("vid-bbbbbbb", 100), ("vid-ccccccc", 100)];
    let firsts: String = (0..12)
        .map(|number| order(&format!("__defaultVhost__/live/s{number}"), &nodes).remove(0).remove(4))
        .collect();
    assert_eq!(firsts, "cacaabcacaac");
}

#[test]
fn the_logarithm_is_right() {
    assert_eq!(negative_log2(u64::MAX), 0);
    assert_eq!(negative_log2((1 << 63) - 1), 1 << FRACTION_BITS);
    assert_eq!(negative_log2(0), 64 << FRACTION_BITS);
    for word in [3_u64, 1 << 20, 0x1234_5678_9abc_def0, u64::MAX / 3, u64::MAX - 1] {
        let exact = 64.0 - (word as f64 + 1.0).log2();
        let ours = negative_log2(word) as f64 / (1_u64 << FRACTION_BITS) as f64;
        assert!((exact - ours).abs() < 1e-9, "{word}: {exact} {ours}");
    }
}

#[test]
fn removing_a_node_keeps_the_order_of_the_others() {
    let all = [("a", 100), ("b", 300), ("c", 100), ("d", 50)];
    for number in 0..200 {
        let key = format!("v/app/{number}");
        let mut before = order(&key, &all);
        before.retain(|id| id != "b");
        let after = order(&key, &[("a", 100), ("c", 100), ("d", 50)]);
        assert_eq!(before, after);
    }
}

#[test]
fn streams_follow_the_weights() {
    let nodes = [("a", 100), ("b", 200), ("c", 100)];
    let total = 20_000;
    let of_b = (0..total).filter(|number| order(&format!("v/app/{number}"), &nodes)[0] == "b").count();
    let share = of_b as f64 / f64::from(total);
    assert!((share - 0.5).abs() < 0.02, "{share}");
}

#[test]
fn equal_nodes_share_evenly() {
    let names: Vec<String> = (0..10).map(|number| format!("vid-000000{number}")).collect();
    let nodes: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let mut counts = std::collections::HashMap::new();
    for number in 0..10_000 {
        *counts
            .entry(order(&format!("__defaultVhost__/live/{number}"), &nodes).remove(0))
            .or_insert(0_u32) += 1;
    }
    assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
}
