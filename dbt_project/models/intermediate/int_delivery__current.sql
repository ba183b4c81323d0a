{# Of every dataset delivered in full: the delivery that says how things are now. #}
select
    dataset,
    max(delivered_on) as delivered_on,
    max_by(delivery_id, struct_pack(delivered_on := delivered_on, received_at := received_at, file := file)) as delivery_id
from lake.foundation.delivery
where status = 'taken' and kind = 'full'
group by dataset
