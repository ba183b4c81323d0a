{{ accepted('shichang.zhuti') }}
