snn_macros::snn_model! {
    network Digits {
        simulate dt = 1 ms, for 100 ms
        input pixel[784] spikes
        layer hidden[256] = LIFF
        layer out[10] = LI
        pixel -> hiden.exc : dense
        hidden -> out.exc : dense, delay 1 mV
        loss mean_t(out.V)
    }
}

fn main() {}
