{{ accepted('gongan.jingwu_wangge') }}
