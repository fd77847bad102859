use super::*;

#[test]
fn every_fault_that_can_be_repeated_has_its_stretch() {
    for &topology in Topology::value_variants() {
        let planned: Vec<_> = on(topology).into_iter().flat_map(|stretch| stretch.faults).collect();
        for &fault in Fault::value_variants() {
            let times = planned.iter().filter(|planned| **planned == fault).count();
            assert_eq!(times, usize::from(can_repeat(fault, topology)), "{fault}, {topology}");
        }
    }
}

#[test]
fn stretch_has_what_its_faults_need() {
    for Stretch { topology, faults, needs } in stretches(&[]) {
        for fault in faults {
            let Needs { proxy, password, .. } = fault.needs();
            assert!(needs.proxy >= proxy && needs.password >= password, "{fault}, {topology}");
        }
    }
}
