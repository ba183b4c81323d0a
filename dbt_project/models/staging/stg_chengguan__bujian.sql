{{ accepted('chengguan.bujian') }}
