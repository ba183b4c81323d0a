{{ accepted('chengguan.anjian') }}
