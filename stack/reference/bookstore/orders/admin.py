"""Orders in the administration."""

from django.contrib import admin

from orders.models import Confirmation, Order, OrderItem


class OrderItemInline(admin.TabularInline):
    """The lines of an order."""

    model = OrderItem
    raw_id_fields = ["book"]
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Orders with their lines."""

    inlines = [OrderItemInline]
    list_display = ["id", "user", "created_at", "total"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]


@admin.register(Confirmation)
class ConfirmationAdmin(admin.ModelAdmin):
    """Confirmations, with the process that sent each."""

    list_display = ["order_id", "sent_by", "sent_at", "size"]
    raw_id_fields = ["order"]
