{{ accepted('weijian.laonian_dangan') }}
