{{ accepted('shuiwu.nashui') }}
